import { z } from 'zod';
import { DEFAULT_APP, dataFields, labelFields, machineFields, option } from '../config/index.js';
import { labelWordFields, patternFields } from '../fewshot/prompt/options.js';

// The options of a stage's training that people set most; everything else goes into the settings file.
const epochs = (what: string, value: number) =>
  option(z.int().positive().default(value), {
    description: `${what}: passes over the data`,
    group: 'Training',
  });
const rate = (what: string) =>
  option(z.number().positive().optional(), {
    description: `${what}: highest learning rate; unset = by the width of the model`,
    group: 'Optimization',
  });
const FINETUNE = 'fine-tuning of both models';
const FEWSHOT = 'few-shot learning of the large model';
const DISTIL = 'distillation into the small model';

/** Options of `easynlp land` and of the library's `land()`. */
export const landOptions = z.strictObject({
  app: option(z.enum(['text_classify', 'text_match']).default(DEFAULT_APP), {
    description: 'task',
    group: 'Training',
  }),
  train: option(z.string().min(1), {
    description: 'the few labelled rows',
    group: 'Data',
    value: 'file',
    example: 'train.tsv',
  }),
  dev: option(z.string().min(1), {
    description: 'validation data; every stage keeps its best epoch on it',
    group: 'Data',
    value: 'file',
    example: 'dev.tsv',
  }),
  test: option(z.string().min(1).optional(), {
    description: 'labelled rows for the figures; unset = dev, which then chooses and measures',
    group: 'Data',
    value: 'file',
  }),
  unlabelled: option(z.array(z.string().min(1)).default([]), {
    description: 'files of rows that need no label: the large model teaches the small one on them',
    group: 'Data',
    value: 'file,…',
  }),
  unlabelledSchema: option(z.string().min(1).optional(), {
    description: 'columns of unlabelled files without a header; unset = schema',
    group: 'Data',
    value: 'columns',
  }),
  augment: option(z.int().nonnegative().optional(), {
    description:
      'texts made from each labelled row for the large model to teach on; unset = 10 without unlabelled rows, else 0',
    group: 'Data',
  }),
  ...dataFields,
  ...labelFields,
  sequenceLength: option(z.int().min(2).default(128), {
    description: 'longest input in tokens',
    group: 'Data',
  }),
  large: option(z.string().min(1), {
    description: 'pretrained model that learns from the few rows and then teaches',
    group: 'Model',
    value: 'name|folder',
    example: 'bert-small-zh',
  }),
  small: option(z.string().min(1), {
    description: 'pretrained model that is taught',
    group: 'Model',
    value: 'name|folder',
    example: 'bert-tiny-zh',
  }),
  fewshot: option(z.enum(['pet', 'ptuning', 'cptuning']).default('pet'), {
    description: 'how the large model learns from the few rows',
    group: 'Training',
  }),
  ...patternFields,
  ...labelWordFields,
  batchSize: option(z.int().positive().default(8), { description: 'rows of a batch', group: 'Training' }),
  finetuneEpochs: epochs(FINETUNE, 15),
  finetuneLearningRate: rate(FINETUNE),
  fewshotEpochs: epochs(FEWSHOT, 10),
  fewshotLearningRate: rate(FEWSHOT),
  distilEpochs: epochs(DISTIL, 5),
  distilLearningRate: rate(DISTIL),
  temperature: option(z.number().positive().default(1), {
    description: 'distillation: softens both distributions',
    group: 'Training',
  }),
  alpha: option(z.number().min(0).max(1).default(0.5), {
    description: "distillation: weight of the teacher's distribution on labelled rows",
    group: 'Training',
  }),
  settings: option(z.string().min(1).optional(), {
    description: `YAML file with further training options a stage: large-finetune, large-fewshot, small-finetune, small-distilled`,
    group: 'Training',
    value: 'file',
  }),
  seed: option(z.int().nonnegative().default(42), { description: 'seed of every stage', group: 'Training' }),
  timingBatchSize: option(z.int().positive().default(64), {
    description: 'rows of a batch when the time a row is measured',
    group: 'Evaluation and checkpoints',
  }),
  output: option(z.string().min(1), {
    description: 'folder for the four models and the report; a finished stage is not done again',
    group: 'Output',
    value: 'folder',
    example: 'out/landing',
  }),
  ...machineFields,
});

/** A complete configuration. */
export type LandConfig = z.output<typeof landOptions>;
/** What a person writes: defaults may be left out. */
export type LandOptions = z.input<typeof landOptions>;
