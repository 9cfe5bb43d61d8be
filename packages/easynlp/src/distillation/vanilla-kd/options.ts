import { z } from 'zod';
import { distillationFields, fewRowsFields, writtenLogitsFields } from '../shared/options.js';

/** Options of method `kd`. Nothing here needs the tensor engine: the command line reads this file for its help. */
export const vanillaKdOptions = z.strictObject({
  ...distillationFields,
  ...writtenLogitsFields,
  ...fewRowsFields,
});
