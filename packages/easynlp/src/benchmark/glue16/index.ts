import type { OptionValues, SuiteSettings, TaskSettings } from '../settings.js';
import type { BenchmarkSuite } from '../types.js';
import { GLUE16_SPLITS, GLUE16_TASKS } from './tasks.js';

const prompts = (pattern: string, pseudo: string, all: OptionValues = {}): TaskSettings => ({
  all,
  methods: { pet: { pattern }, ptuning: { pattern: pseudo }, cptuning: { pattern } },
});
const pairs = { firstSequence: 'sentence1', secondSequence: 'sentence2' };
const review = prompts('text,"It was",label,.', 'text,<pseudo:2>,label,<pseudo:1>');
const sentences = (all: OptionValues) =>
  prompts('sentence1,?,label,",",sentence2', 'sentence1,<pseudo:1>,label,<pseudo:1>,sentence2', all);

/** Patterns and label words are the manual ones of LM-BFF (Gao et al. 2021), as far as the pattern language goes. */
const SETTINGS: SuiteSettings = {
  all: { sequenceLength: 128, batchSize: 8, epochs: 20, warmupRatio: 0.1, weightDecay: 0.01 },
  methods: {
    finetune: { learningRate: 2e-5 },
    pet: { learningRate: 1e-5, labelWords: '$words' },
    ptuning: { learningRate: 1e-5, labelWords: '$words' },
    cptuning: { learningRate: 1e-5 },
    'cptuning-no-mlm': { extends: 'cptuning', tmskWeight: 0 },
  },
  profiles: { base: {}, small: { all: { learningRate: 1e-4 } } },
  tasks: {
    'sst-2': review,
    mr: review,
    cr: review,
    subj: prompts('text,"This is",label,.', 'text,<pseudo:2>,label,<pseudo:1>'),
    mrpc: prompts('sentence1,label,",",sentence2', 'sentence1,<pseudo:1>,label,<pseudo:1>,sentence2', pairs),
    qnli: sentences(pairs),
    rte: sentences({ ...pairs, sequenceLength: 256 }),
  },
};

/** LM-BFF's 16-shot sets of English tasks: 16 rows a class, five draws. */
export const glue16: BenchmarkSuite = {
  name: 'glue16',
  title: 'GLUE, 16 rows a class',
  tasks: GLUE16_TASKS,
  splits: GLUE16_SPLITS,
  settings: SETTINGS,
  // Figures that could be verified are not at hand; better none than wrong ones.
  published: null,
};
