import { z } from 'zod';
import { option, type TrainOptions } from '../../config/index.js';
import { TAG_SCHEMES } from './schemes.js';

/** Options of training sequence_labeling beside the common ones. */
export const labelingTrainOptions = z.strictObject({
  crf: option(z.boolean().default(false), {
    description:
      'learn which tags follow one another: a linear-chain CRF instead of a softmax for each token',
    group: 'App',
  }),
  crfLrFactor: option(z.number().positive().default(50), {
    description: 'crf: learning rate of the transitions, as a multiple of learningRate',
    group: 'App',
  }),
  tagScheme: option(z.enum(['auto', ...TAG_SCHEMES]).default('auto'), {
    description:
      'tags that the model learns (data in another scheme are converted); auto = those of the data',
    group: 'App',
  }),
  unit: option(z.enum(['auto', 'character', 'word']).default('auto'), {
    description:
      'what gets a tag in texts that are not cut into tokens; auto = as the tokens of the training data, character without any',
    group: 'App',
  }),
});

/** Options of predicting with it. */
export const labelingPredictOptions = z.strictObject({
  texts: option(z.enum(['auto', 'tokens', 'plain']).default('auto'), {
    description:
      'texts of files: tokens separated by spaces, each of which gets a tag, or plain ones; auto = as the training data, where the text looks so',
    group: 'App',
  }),
});

export type LabelingOptions = z.output<typeof labelingTrainOptions>;
/** What `train()` takes for this task. */
export type LabelingTrainOptions = TrainOptions & z.input<typeof labelingTrainOptions>;
