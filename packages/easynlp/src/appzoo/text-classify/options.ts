import { z } from 'zod';
import { option, type TrainOptions } from '../../config/index.js';

const merges = ['mean', 'max'] as const;

/** Options of text_classify beside the common ones. */
export const textClassifyOptions = z.strictObject({
  longText: option(z.enum(['cut', 'windows']).default('cut'), {
    description:
      'texts beyond sequenceLength: cut them, or read them in windows that end with a sentence where possible, and merge what the windows say',
    group: 'App',
  }),
  windowMerge: option(z.enum(merges).default('mean'), {
    description:
      'windows: mean of their probabilities, or for each label the highest (then made to add up to 1)',
    group: 'App',
  }),
  windowTraining: option(z.enum(['head', 'windows']).default('head'), {
    description: 'windows: train on the first window of a text, or on all of them with the label of the text',
    group: 'App',
  }),
});

/** The same when a trained model is evaluated or predicts. */
export const textClassifyUseOptions = z.strictObject({
  longText: option(z.enum(['cut', 'windows']).optional(), {
    description: 'texts beyond sequenceLength: cut, or read in windows; unset = as trained',
    group: 'App',
  }),
  windowMerge: option(z.enum(merges).optional(), {
    description: 'windows: mean or max of their probabilities; unset = as trained, or mean',
    group: 'App',
  }),
});

export type TextClassifyOptions = z.output<typeof textClassifyOptions>;
/** What `train()` takes for this task. */
export type TextClassifyTrainOptions = TrainOptions & z.input<typeof textClassifyOptions>;
