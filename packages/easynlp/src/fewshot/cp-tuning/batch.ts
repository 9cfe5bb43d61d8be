import type { AppContext, CollateOptions } from '../../appzoo/app.js';
import type { HostBatch } from '../../datahub/index.js';
import { collatePrompted, type PromptedRow, TOKEN_KIND } from '../prompt/index.js';

/** Prompted rows as a batch, with `textMask` [B, T]: which tokens the auxiliary language model may hide. */
export function collateCpTuning(
  rows: readonly PromptedRow[],
  context: Pick<AppContext, 'tokenizer'>,
  options: CollateOptions = {},
): HostBatch {
  const batch = collatePrompted(rows, context, options);
  const shape = batch.tensors.inputIds!.shape;
  const width = shape[1]!;
  const data = new Uint8Array(rows.length * width);
  for (const [r, { sequences }] of rows.entries()) {
    for (const [t, kind] of sequences[0]!.kinds.entries()) {
      if (kind === TOKEN_KIND.text) data[r * width + t] = 1;
    }
  }
  return { ...batch, tensors: { ...batch.tensors, textMask: { data, shape, dtype: 'bool' } } };
}
