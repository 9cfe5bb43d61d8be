import {
  attentionMask,
  type EncodedRow,
  type HostBatch,
  intVector,
  padSequences,
  type Row,
} from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import type { AppContext, CollateOptions, HostOutputs } from '../app.js';
import { softmaxRow } from '../sequence/index.js';
import { INPUT } from '../sequence/inputs.js';
import type { LanguageModelingSpec } from './spec.js';

/** A text with the places of its [MASK] tokens. */
export interface MaskedText extends EncodedRow {
  readonly ids: Int32Array;
  readonly masks: readonly number[];
  readonly text: string;
}

export interface TokenScore {
  readonly token: string;
  readonly probability: number;
}

/** What a model puts where a text has [MASK]. */
export interface FillMaskResult {
  /** The text with the most probable token in every place. */
  readonly text: string;
  /** For every [MASK], from left to right, the most probable tokens. */
  readonly masks: readonly (readonly TokenScore[])[];
}

const TOP = 10;

export async function encodeMasked(
  rows: readonly Row[],
  { spec, tokenizer }: AppContext<LanguageModelingSpec>,
): Promise<MaskedText[]> {
  const texts = rows.map((row) => {
    const text = row.values[spec.textColumn];
    if (typeof text === 'string') return text;
    throw new EasyNlpError('DATA_CELL', {
      file: row.file,
      line: row.line,
      column: spec.textColumn,
      got: text,
      expected: 'a text',
    });
  });
  const encodings = await tokenizer.encodeBatch(texts, { maxLength: spec.sequenceLength });
  return encodings.map((encoding, i) => {
    const masks = Array.from(encoding.ids.keys()).filter((at) => encoding.ids[at] === tokenizer.maskId);
    if (masks.length === 0) {
      const { file, line } = rows[i]!;
      const expected = `a text with [MASK] among its first ${spec.sequenceLength} tokens`;
      if (file !== INPUT) {
        const column = spec.textColumn;
        throw new EasyNlpError('DATA_CELL', { file, line, column, got: texts[i], expected });
      }
      const got = JSON.stringify(texts[i]!.slice(0, 40));
      throw new EasyNlpError('APP_INPUT', { index: line, expected, got });
    }
    return { length: encoding.length, ids: encoding.ids, masks, text: texts[i]! };
  });
}

export function collateMasked(
  rows: readonly MaskedText[],
  { tokenizer }: AppContext<LanguageModelingSpec>,
  options: CollateOptions = {},
): HostBatch {
  const inputIds = padSequences(
    rows.map((r) => r.ids),
    { padValue: tokenizer.padId, dtype: 'int32', multipleOf: options.padToMultipleOf ?? 1 },
  );
  const width = inputIds.shape[1]!;
  const mask = attentionMask(
    rows.map((r) => r.length),
    width,
    'bool',
  );
  return {
    tensors: {
      inputIds,
      maskedPositions: intVector(rows.flatMap((row, r) => row.masks.map((at) => r * width + at))),
      ...(rows.some((r) => r.length < width) ? { attentionMask: mask } : {}),
    },
    size: rows.length,
    tokens: rows.reduce((sum, r) => sum + r.length, 0),
    paddedTokens: rows.length * width,
  };
}

/** logits [N, V] of all masked places of the batch, row after row → one result a text. */
export function decodeMasked(
  outputs: HostOutputs,
  { tokenizer }: AppContext<LanguageModelingSpec>,
  rows: readonly MaskedText[],
): FillMaskResult[] {
  const { data, shape } = outputs.logits!;
  const size = shape[1]!;
  let next = 0;
  return rows.map((row) => {
    const masks = row.masks.map(() => {
      const probabilities = softmaxRow(data.subarray(next * size, ++next * size));
      const order = Array.from(probabilities.keys()).sort((a, b) => probabilities[b]! - probabilities[a]!);
      return order.slice(0, TOP).map((id) => ({
        token: tokenizer.idToToken(id) ?? '[UNK]',
        probability: probabilities[id]!,
      }));
    });
    let at = 0;
    const text = row.text.replaceAll(
      '[MASK]',
      (whole) => masks[at++]?.[0]?.token.replace(/^##/, '') ?? whole,
    );
    return { text, masks };
  });
}
