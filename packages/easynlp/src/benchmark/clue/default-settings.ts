import type { OptionValues, SuiteSettings, TaskSettings } from '../settings.js';
import { ASKED } from './convert.js';

const fine = (learningRate: number, batchSize: number, sequenceLength: number, more: OptionValues = {}) =>
  ({ all: { learningRate, batchSize, sequenceLength, ...more } }) satisfies TaskSettings;
const choices = { firstSequence: 'text', choicesName: ['choices'], gold: 'index' };
const pairs = { firstSequence: 'sentence1', secondSequence: 'sentence2' };

/**
 * Rates, batches and lengths of the seven classification tasks are those that EasyNLP recommends for models of base
 * size, five epochs each (cluewsc2020: 50). EasyNLP has none for reading and choices: those of chid and c3 are of CLUE's
 * own PyTorch baseline, those of cmrc2018 and drcd usual ones.
 */
export const CLUE_SETTINGS: SuiteSettings = {
  all: { epochs: 5, warmupRatio: 0.1, weightDecay: 0.01 },
  methods: { finetune: {} },
  // Small models want other rates; nothing has been tried, so nothing is claimed.
  profiles: { base: {}, small: {} },
  tasks: {
    afqmc: fine(5e-5, 48, 256, pairs),
    tnews: fine(5e-5, 32, 128),
    iflytek: fine(5e-5, 16, 128),
    ocnli: fine(3e-5, 16, 128, pairs),
    cmnli: fine(3e-5, 16, 128, pairs),
    csl: fine(1e-5, 32, 256, { firstSequence: 'keywords', secondSequence: 'abstract' }),
    cluewsc2020: fine(5e-5, 32, 128, { firstSequence: 'marked', epochs: 50 }),
    cmrc2018: fine(3e-5, 16, 384, { epochs: 2, language: 'zh' }),
    drcd: fine(3e-5, 16, 384, { epochs: 2, language: 'zh' }),
    chid: fine(2e-5, 24, 64, { ...choices, gap: ASKED, groupName: 'passage', epochs: 3, warmupRatio: 0.06 }),
    c3: fine(2e-5, 16, 512, { ...choices, secondSequence: 'question', epochs: 8, warmupRatio: 0.05 }),
  },
};
