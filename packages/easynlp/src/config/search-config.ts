import { z } from 'zod';
import { dataFields, machineFields } from './fields.js';
import { option } from './option.js';

/** Options of `easynlp search` and of the library's `search()`. */
export const searchConfigSchema = z.strictObject({
  model: option(z.string().min(1), {
    description: 'a trained text_match_two_tower model',
    group: 'Model',
    value: 'folder',
    example: 'out/towers',
  }),
  corpus: option(z.string().min(1), {
    description: 'texts to search: a .txt file with one a line, or a table',
    group: 'Data',
    value: 'file',
    example: 'faq.txt',
  }),
  column: option(z.string().min(1).optional(), {
    description: 'column of the texts in a table; unset = the column named text, sentence …',
    group: 'Data',
    value: 'column',
  }),
  text: option(z.array(z.string()).default([]), { description: 'query; may be repeated', group: 'Data' }),
  queries: option(z.string().min(1).optional(), {
    description: 'file of queries, in the same formats (instead of text)',
    group: 'Data',
    value: 'file',
  }),
  queryColumn: option(z.string().min(1).optional(), {
    description: 'column of the queries in a table',
    group: 'Data',
    value: 'column',
  }),
  format: dataFields.format,
  schema: dataFields.schema,
  topK: option(z.int().positive().default(5), {
    description: 'texts to find for each query',
    group: 'Output',
  }),
  output: option(z.string().min(1).optional(), {
    description: 'TSV file of query, rank, score, line and text; unset = print',
    group: 'Output',
    value: 'file',
  }),
  batchSize: option(z.int().positive().default(32), { description: 'texts of a batch', group: 'Machine' }),
  ...machineFields,
});

export type SearchConfig = z.output<typeof searchConfigSchema>;
export type SearchOptions = z.input<typeof searchConfigSchema>;
