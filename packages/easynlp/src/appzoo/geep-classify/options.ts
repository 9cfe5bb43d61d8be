import { z } from 'zod';
import { option, type TrainOptions } from '../../config/index.js';

const threshold = () => z.number().min(0).max(1);

/** Options of geep_classify beside the common ones. */
export const geepOptions = z.strictObject({
  exits: option(z.int().positive().optional(), {
    description: 'layers after which a text may leave, counted from the first; unset = all but the last',
    group: 'App',
    easynlp: 'geep_exit_num (user_defined_parameters)',
  }),
  exitThreshold: option(threshold().default(0), {
    description:
      'normalised entropy (0 … 1) up to which a text leaves the model early; 0 = never. Can be given again at prediction',
    group: 'App',
    easynlp: 'geep_threshold (user_defined_parameters)',
  }),
});

const use = option(threshold().optional(), {
  description: 'normalised entropy up to which a text leaves the model early; 0 = never; unset = as trained',
  group: 'App',
  easynlp: 'geep_threshold (user_defined_parameters)',
});

export const geepPredictOptions = z.strictObject({ exitThreshold: use });

export const geepEvaluateOptions = z.strictObject({
  exitThreshold: use,
  compareThresholds: option(z.array(threshold()).default([0, 0.1, 0.3, 0.5, 0.8]), {
    description: 'thresholds whose accuracy and speed are printed beside each other',
    group: 'App',
    value: 'x,…',
  }),
});

export type GeepOptions = z.output<typeof geepOptions>;
/** What `train()` takes for this task. */
export type GeepTrainOptions = TrainOptions & z.input<typeof geepOptions>;
