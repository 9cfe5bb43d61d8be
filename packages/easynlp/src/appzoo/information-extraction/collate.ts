import type { HostBatch, HostTensor } from '../../datahub/index.js';
import type { AppContext, CollateOptions } from '../app.js';
import { collateTexts } from '../sequence/index.js';
import type { ExtractionUnit } from './encode.js';

/** Numbers of right spans are rounded up to a multiple of this: few shapes of batches. */
const STEP = 4;

/**
 * `inputIds`, `attentionMask` as for texts, and `textMask` [B, T]: the tokens of the text, which answers are made of.
 * With labels also `gold` [B, C, P], the right spans of each question as first · T + last, filled up with T · (T − 1),
 * where no span can be, and `goldMask` [B, C, P].
 */
export function collateExtraction(
  rows: readonly ExtractionUnit[],
  context: Pick<AppContext, 'tokenizer'>,
  options: CollateOptions = {},
): HostBatch {
  const batch = collateTexts(rows, context, options);
  const width = batch.tensors.inputIds!.shape[1]!;
  const inText = new Uint8Array(rows.length * width);
  for (const [r, { at, count }] of rows.entries()) inText.fill(1, r * width + at, r * width + at + count);
  const tensors: Record<string, HostTensor> = {
    ...batch.tensors,
    textMask: { data: inText, shape: [rows.length, width], dtype: 'bool' },
  };
  if (rows.some(({ gold }) => gold === null)) return { ...batch, tensors };

  const channels = rows[0]!.asked.length;
  // Without an answer, a question of its own points to the first token; heads for types simply find nothing.
  const spans = rows.map(({ gold, text }) =>
    gold!.map((own) => (own.length === 0 && !text.together ? ([[0, 0]] as const) : own)),
  );
  const most = spans.reduce((m, own) => own.reduce((n, { length }) => Math.max(n, length), m), 1);
  const depth = Math.ceil(most / STEP) * STEP;
  const gold = new BigInt64Array(rows.length * channels * depth).fill(BigInt(width * (width - 1)));
  const goldMask = new Uint8Array(gold.length);
  for (const [r, own] of spans.entries()) {
    for (const [c, places] of own.entries()) {
      for (const [p, [first, last]] of places.entries()) {
        const i = (r * channels + c) * depth + p;
        gold[i] = BigInt(first * width + last);
        goldMask[i] = 1;
      }
    }
  }
  const shape = [rows.length, channels, depth];
  tensors.gold = { data: gold, shape, dtype: 'int64' };
  tensors.goldMask = { data: goldMask, shape, dtype: 'bool' };
  return { ...batch, tensors };
}
