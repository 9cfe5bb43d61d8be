import { z } from 'zod';
import { option, type TrainOptions } from '../../config/index.js';

const probability = () => z.number().gt(0).lt(1);

const positiveWeights = z.array(z.string().min(1)).default([]);

/** Options of text_classify_multi_label beside the common ones. */
export const multiLabelOptions = z.strictObject({
  labelSeparator: option(z.string().min(1).default(','), {
    description: 'what stands between the labels of a row; JSON Lines may hold lists instead',
    group: 'App',
  }),
  thresholds: option(z.enum(['per-label', 'global', 'fixed']).default('per-label'), {
    description:
      'how the probabilities from which on a label is given are found: on the validation data, each label for itself or one for all (best F1), or fixed',
    group: 'App',
  }),
  threshold: option(probability().default(0.5), {
    description: 'the fixed threshold, and the one without validation data',
    group: 'App',
  }),
  labelThresholds: option(z.array(z.string().min(1)).default([]), {
    description: 'thresholds of single labels that are not to be tuned',
    group: 'App',
    value: 'label=p,…',
    example: '广告=0.9',
  }),
  positiveWeights: option(positiveWeights, {
    description:
      'weight of the rows that have a label: a number for all labels, label=w for one, or balanced = rows without it for each row with it, at most 100',
    group: 'App',
    value: 'w|label=w|balanced,…',
  }),
});

/** The same when a trained model is evaluated or predicts. */
export const multiLabelUseOptions = z.strictObject({
  threshold: option(probability().optional(), {
    description: 'one threshold for all labels instead of those stored with the model',
    group: 'App',
  }),
});

export type MultiLabelOptions = z.output<typeof multiLabelOptions>;
/** What `train()` takes for this task. */
export type MultiLabelTrainOptions = TrainOptions & z.input<typeof multiLabelOptions>;
