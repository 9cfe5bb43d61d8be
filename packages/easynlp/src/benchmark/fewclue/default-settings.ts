import type { SuiteSettings } from '../settings.js';

/**
 * What every method is trained with, task by task; `easynlp benchmark fewclue --print-settings` prints it, and
 * `--settings` changes any of it. Patterns and label words are those of the FewCLUE baselines (PET), or near them;
 * CP-Tuning has no hand-made prompts where its default pattern fits.
 */
export const FEWCLUE_SETTINGS: SuiteSettings = {
  all: { sequenceLength: 128, batchSize: 16, epochs: 20, warmupRatio: 0.1, weightDecay: 0.01 },
  methods: {
    finetune: { learningRate: 2e-5 },
    pet: { learningRate: 1e-5, labelWords: '$words' },
    ptuning: { learningRate: 3e-5, labelWords: '$words' },
    cptuning: { learningRate: 1e-5 },
    'cptuning-no-mlm': { extends: 'cptuning', tmskWeight: 0 },
  },
  // The bundled models of 4 layers; found with splits 0 and 1 of eprstmt.
  profiles: {
    base: {},
    small: {
      methods: {
        finetune: { learningRate: 1e-4, batchSize: 8, epochs: 15 },
        pet: { learningRate: 1e-4, batchSize: 8, epochs: 10 },
        ptuning: { learningRate: 1e-4, batchSize: 8, epochs: 10 },
        cptuning: { learningRate: 3e-5, batchSize: 8, epochs: 8 },
      },
    },
  },
  tasks: {
    eprstmt: {
      words: { Negative: '差', Positive: '好' },
      methods: {
        pet: { pattern: 'text,"，很",label,。' },
        ptuning: { pattern: 'text,"，",<pseudo:2>,很,label,<pseudo>,。' },
        cptuning: { pseudoWords: '感觉很' },
      },
    },
    csldcp: {
      all: { sequenceLength: 256 },
      methods: {
        pet: { pattern: '这篇,label,论文阐述了,text' },
        ptuning: { pattern: '<pseudo:2>,label,<pseudo:5>,text', pseudoWords: '这篇论文阐述了' },
      },
    },
    tnews: {
      methods: {
        pet: { pattern: '下面报导一则,label,新闻。,text' },
        ptuning: { pattern: '<pseudo:6>,label,<pseudo:3>,text', pseudoWords: '下面报导一则新闻。' },
      },
    },
    iflytek: {
      methods: {
        pet: { pattern: '作为一款,label,应用，,text' },
        ptuning: { pattern: '<pseudo:4>,label,<pseudo:3>,text', pseudoWords: '作为一款应用，' },
      },
    },
    ocnli: {
      all: { firstSequence: 'sentence1', secondSequence: 'sentence2' },
      methods: {
        pet: { pattern: 'sentence1,？,label,，,sentence2' },
        ptuning: { pattern: 'sentence1,<pseudo:1>,label,<pseudo:1>,sentence2', pseudoWords: '？，' },
      },
    },
    bustm: {
      all: { firstSequence: 'sentence1', secondSequence: 'sentence2' },
      methods: {
        pet: { pattern: 'sentence1,和,sentence2,意思,label,同' },
        ptuning: {
          pattern: 'sentence1,<pseudo:1>,sentence2,<pseudo:2>,label,<pseudo:1>',
          pseudoWords: '和意思同',
        },
      },
    },
    csl: {
      all: { sequenceLength: 256, firstSequence: 'abstract', secondSequence: 'keywords' },
      methods: {
        pet: { pattern: 'label,用,keywords,概括,abstract' },
        ptuning: { pattern: 'label,<pseudo:1>,keywords,<pseudo:2>,abstract', pseudoWords: '用概括' },
      },
    },
    cluewsc: {
      all: { sequenceLength: 192 },
      methods: {
        finetune: { firstSequence: 'marked' },
        pet: { pattern: 'pronoun,label,noun,，,text' },
        ptuning: { pattern: 'pronoun,<pseudo:1>,label,<pseudo:1>,noun,，,text' },
        cptuning: { pattern: 'pronoun,label,noun,，,text' },
      },
    },
    chid: {
      methods: {
        finetune: {
          app: 'multiple_choice',
          view: 'choices',
          gap: '#idiom#',
          firstSequence: 'text',
          choicesName: ['choices'],
          gold: 'index',
        },
        // The cloze has about five hundred idioms as labels, and its 42 rows are repeated as often as labels need.
        pet: { view: 'cloze', pattern: 'before,label,after', epochs: 1 },
        ptuning: { view: 'cloze', pattern: 'before,<pseudo:1>,label,<pseudo:1>,after', epochs: 1 },
        // Neighbours and prototypes know no idiom that was never seen: each candidate is a text that is right or not.
        cptuning: { pattern: '成语,idiom,用得,label,。,text' },
      },
    },
  },
};
