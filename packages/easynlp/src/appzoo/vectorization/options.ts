import { z } from 'zod';
import { option } from '../../config/index.js';

export const POOLINGS = ['mean', 'first', 'pooler', 'tokens'] as const;
export type Pooling = (typeof POOLINGS)[number];

/** Options of predicting with vectorization beside the common ones. */
export const vectorizationOptions = z.strictObject({
  pooling: option(z.enum(POOLINGS).default('mean'), {
    description:
      'vector of a text: mean of its tokens, its first token ([CLS]), the pooler over that, or one vector for each token',
    group: 'App',
  }),
  normalize: option(z.boolean().default(false), {
    description: 'bring vectors to length 1 (L2): inner products are then cosines',
    group: 'App',
  }),
  vectorSize: option(z.int().positive().optional(), {
    description:
      'keep this many numbers from the beginning (Matryoshka), before normalize; unset = the width of the model',
    group: 'App',
  }),
  outputFormat: option(z.enum(['auto', 'tsv', 'jsonl', 'npy']).default('auto'), {
    description:
      'tsv: numbers separated by commas, as EasyNLP writes them; jsonl: one object a line; npy: one float32 matrix; auto = by the file name',
    group: 'Output',
  }),
});

export type VectorizationOptions = z.output<typeof vectorizationOptions>;
/** What `predict()` and, as `options`, `pipeline()` take. */
export type VectorizationInputOptions = z.input<typeof vectorizationOptions>;
