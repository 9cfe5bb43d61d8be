import type { Row } from '../../datahub/index.js';
import type { AppContext } from '../app.js';
import { type EncodedSequence, textOf } from '../sequence/index.js';
import type { VectorToken } from './decode.js';
import type { VectorizationSpec } from './spec.js';

/** A text, and where its tokens are if each of them gets a vector. */
export interface EncodedVectorText extends EncodedSequence {
  readonly tokens: readonly (VectorToken & { readonly at: number })[] | null;
}

export async function encodeVectorTexts(
  rows: readonly Row[],
  { spec, tokenizer }: AppContext<VectorizationSpec>,
): Promise<EncodedVectorText[]> {
  const texts = rows.map((row) => textOf(row, spec.firstSequence));
  const encodings = await tokenizer.encodeBatch(texts, { maxLength: spec.sequenceLength });
  const each = spec.poolings.includes('tokens');
  return encodings.map((encoding): EncodedVectorText => {
    const { ids, length } = encoding;
    if (!each) return { length, ids, typeIds: null, tokens: null };
    const { tokens, offsets, sequenceIds } = encoding;
    const own = [...ids.keys()]
      .filter((at) => sequenceIds[at] === 0)
      .map((at) => ({ at, token: tokens[at]!, start: offsets[at]![0], end: offsets[at]![1] }));
    return { length, ids, typeIds: null, tokens: own };
  });
}
