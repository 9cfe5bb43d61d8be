import type { SuiteSettings } from '../settings.js';

/**
 * What every method is trained with, task by task; `easynlp benchmark fewclue --print-settings` prints it, and
 * `--settings` changes any of it. Patterns and label words are those of the FewCLUE baselines (PET), or near them.
 */
export const FEWCLUE_SETTINGS: SuiteSettings = {
  all: { sequenceLength: 128, batchSize: 16, epochs: 20, warmupRatio: 0.1, weightDecay: 0.01 },
  methods: {
    finetune: { learningRate: 2e-5 },
    pet: { learningRate: 1e-5, labelWords: '$words' },
    ptuning: { learningRate: 1e-5, labelWords: '$words' },
    cptuning: { learningRate: 1e-5 },
    'cptuning-no-mlm': { extends: 'cptuning', tmskWeight: 0 },
  },
  profiles: {
    base: {},
    small: {
      methods: {
        finetune: { learningRate: 1e-4 },
        pet: { learningRate: 1e-4 },
        ptuning: { learningRate: 1e-4 },
        cptuning: { learningRate: 1e-4 },
      },
    },
  },
  tasks: {
    eprstmt: {
      words: { Negative: '差', Positive: '好' },
      methods: {
        pet: { pattern: '质量很,label,。,text' },
        ptuning: { pattern: '<pseudo:2>,label,<pseudo:1>,。,text' },
        cptuning: { pattern: '质量很,label,。,text' },
      },
    },
    csldcp: {
      all: { sequenceLength: 256 },
      methods: {
        pet: { pattern: '这篇,label,论文阐述了,text' },
        ptuning: { pattern: '<pseudo:2>,label,<pseudo:2>,text' },
        cptuning: { pattern: '这篇,label,论文阐述了,text' },
      },
    },
    tnews: {
      methods: {
        pet: { pattern: '下面报导一则,label,新闻。,text' },
        ptuning: { pattern: '<pseudo:3>,label,<pseudo:2>,text' },
        cptuning: { pattern: '下面报导一则,label,新闻。,text' },
      },
    },
    iflytek: {
      methods: {
        pet: { pattern: '作为一款,label,应用，,text' },
        ptuning: { pattern: '<pseudo:2>,label,<pseudo:2>,text' },
        cptuning: { pattern: '作为一款,label,应用，,text' },
      },
    },
    ocnli: {
      all: { firstSequence: 'sentence1', secondSequence: 'sentence2' },
      methods: {
        pet: { pattern: 'sentence1,？,label,，,sentence2' },
        ptuning: { pattern: 'sentence1,<pseudo:1>,label,<pseudo:1>,sentence2' },
        cptuning: { pattern: 'sentence1,？,label,，,sentence2' },
      },
    },
    bustm: {
      all: { firstSequence: 'sentence1', secondSequence: 'sentence2' },
      methods: {
        pet: { pattern: 'sentence1,和,sentence2,意思,label,同' },
        ptuning: { pattern: 'sentence1,<pseudo:1>,sentence2,<pseudo:2>,label,<pseudo:1>' },
        cptuning: { pattern: 'sentence1,和,sentence2,意思,label,同' },
      },
    },
    csl: {
      all: { sequenceLength: 256, firstSequence: 'abstract', secondSequence: 'keywords' },
      methods: {
        pet: { pattern: 'label,用,keywords,概括,abstract' },
        ptuning: { pattern: 'label,<pseudo:1>,keywords,<pseudo:2>,abstract' },
        cptuning: { pattern: 'label,用,keywords,概括,abstract' },
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
        finetune: { firstSequence: 'idiom', secondSequence: 'text' },
        pet: { view: 'cloze', pattern: 'before,label,after' },
        ptuning: { view: 'cloze', pattern: 'before,<pseudo:1>,label,<pseudo:1>,after' },
        // Neighbours and prototypes know no idiom that was never seen: each candidate is a text that is right or not.
        cptuning: { pattern: '成语,idiom,用得,label,。,text' },
      },
    },
  },
};
