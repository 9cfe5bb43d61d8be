import { z } from 'zod';
import { option, type TrainConfig } from '../../../config/index.js';
import { petOptions } from '../options.js';

const ensembleFields = {
  patterns: option(z.string().min(1).optional(), {
    description: 'several patterns: a file with one a line, or with ;; between them; unset = pattern alone',
    group: 'Training',
    value: 'file|pattern;;…',
  }),
  patternSeeds: option(z.int().positive().default(1), {
    description: 'models of each pattern, with seeds from seed on; the paper has three',
    group: 'Training',
  }),
  patternWeights: option(z.enum(['accuracy', 'uniform']).default('accuracy'), {
    description:
      'weight of each model: the accuracy of its pattern on the training rows before any training, or all alike',
    group: 'Training',
  }),
  generations: option(z.int().nonnegative().default(0), {
    description: 'iPET: generations of models, each trained on rows that models of the one before labelled',
    group: 'Training',
  }),
  generationFactor: option(z.number().gt(1).default(5), {
    description: 'iPET: how many times more rows each generation trains on',
    group: 'Training',
  }),
  generationShare: option(z.number().gt(0).max(1).default(0.25), {
    description: 'iPET: share of the other models that label the rows of a model',
    group: 'Training',
  }),
  unlabelledLimit: option(z.int().positive().default(10_000), {
    description: 'unlabelled rows that are used at most',
    group: 'Data',
  }),
  temperature: option(z.number().positive().default(2), {
    description: 'softens the distributions from which the last model learns',
    group: 'Training',
  }),
  finalModel: option(z.string().min(1).optional(), {
    description: 'pretrained model of the classifier that learns from the soft labels; unset = model',
    group: 'Model',
    value: 'name|folder',
  }),
  finalEpochs: option(z.int().positive().default(3), {
    description: 'passes of the classifier over the unlabelled rows',
    group: 'Training',
  }),
  finalLearningRate: option(z.number().positive().optional(), {
    description: 'learning rate of the classifier; unset = learningRate',
    group: 'Optimization',
  }),
};

export const petEnsembleOptions = petOptions.extend(ensembleFields);

export type PetEnsembleConfig = TrainConfig & z.output<typeof petEnsembleOptions>;

/** The options of the models of single patterns. */
export function patternModelOptions(config: PetEnsembleConfig): Record<string, unknown> {
  const own = new Set(Object.keys(ensembleFields));
  return Object.fromEntries(
    Object.entries(config).filter(([key, value]) => !own.has(key) && value !== undefined),
  );
}

/** The options of the last classifier: those without any prompt. */
export function classifierOptions(config: PetEnsembleConfig): Record<string, unknown> {
  const own = new Set(Object.keys(petEnsembleOptions.shape));
  return Object.fromEntries(
    Object.entries(config).filter(([key, value]) => !own.has(key) && value !== undefined),
  );
}
