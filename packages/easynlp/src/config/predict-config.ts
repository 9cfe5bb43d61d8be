import { z } from 'zod';
import { inferenceFields } from './evaluate-config.js';
import { dataFields, machineFields } from './fields.js';
import { option } from './option.js';

/** Options of `easynlp predict` and of the library's `predict()`. */
export const predictConfigSchema = z.strictObject({
  ...inferenceFields,
  input: option(z.array(z.string().min(1)).min(1), {
    description: 'data files, read one after the other',
    group: 'Data',
    value: 'file,…',
    easynlp: 'tables (last)',
    example: 'test.tsv',
  }),
  ...dataFields,
  output: option(z.string().min(1), {
    description: 'TSV file to write',
    group: 'Output',
    value: 'file',
    easynlp: 'outputs',
    example: 'predictions.tsv',
  }),
  outputSchema: option(z.array(z.string().min(1)).default(['predictions', 'probabilities']), {
    description: 'result columns, for example predictions, probabilities, logits, output',
    group: 'Output',
    value: 'name,…',
    easynlp: 'output_schema',
  }),
  appendCols: option(z.array(z.string().min(1)).default([]), {
    description: 'input columns to copy behind the results',
    group: 'Output',
    value: 'column,…',
    easynlp: 'append_cols',
  }),
  header: option(z.boolean().default(false), {
    description: 'write the column names as the first line',
    group: 'Output',
  }),
  overwrite: option(z.boolean().default(true), {
    description: 'replace an output file that exists',
    group: 'Output',
  }),
  ...machineFields,
});

export type PredictConfig = z.output<typeof predictConfigSchema>;
export type PredictOptions = z.input<typeof predictConfigSchema>;
