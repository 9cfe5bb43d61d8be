import { z } from 'zod';
import { dataFields, labelFields, machineFields } from './fields.js';
import { option } from './option.js';

/** Options shared by the commands that read a trained model. */
export const inferenceFields = {
  app: option(z.string().min(1).optional(), {
    description: 'task; unset = the one that the model was trained for',
    group: 'Model',
    easynlp: 'app_name',
  }),
  model: option(z.string().min(1), {
    description: 'trained model: the folder that train wrote, or a hub name',
    group: 'Model',
    value: 'name|folder',
    easynlp: 'checkpoint_dir',
    example: 'out/my-model',
  }),
  sequenceLength: option(z.int().min(2).optional(), {
    description: 'longest input in tokens; unset = as trained',
    group: 'Data',
    easynlp: 'sequence_length',
  }),
  batchSize: option(z.int().positive().default(32), {
    description: 'rows of a batch',
    group: 'Data',
    easynlp: 'micro_batch_size',
  }),
  tokenBudget: option(z.int().positive().optional(), {
    description: 'tokens of a batch, padding included (instead of batchSize)',
    group: 'Data',
  }),
};

/** Options of `easynlp evaluate` and of the library's `evaluate()`. */
export const evaluateConfigSchema = z.strictObject({
  ...inferenceFields,
  data: option(z.string().min(1), {
    description: 'data file with labels',
    group: 'Data',
    value: 'file',
    easynlp: 'tables',
    example: 'dev.tsv',
  }),
  ...dataFields,
  labelName: labelFields.labelName,
  output: option(z.string().min(1).optional(), {
    description: 'JSON file to write the metrics to',
    group: 'Output',
    value: 'file',
  }),
  ...machineFields,
});

export type EvaluateConfig = z.output<typeof evaluateConfigSchema>;
export type EvaluateOptions = z.input<typeof evaluateConfigSchema>;
