import {
  attentionMask,
  type Cell,
  type EncodedRow,
  type HostBatch,
  type HostTensor,
  intVector,
  LabelSet,
  padSequences,
  type Row,
} from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import type { TextInput } from '../../text/index.js';
import type { AppContext, CollateOptions } from '../app.js';
import type { ClassificationSpec, SequenceSpec } from './spec.js';

/** Tokens of a text or of a pair. */
export interface EncodedSequence extends EncodedRow {
  readonly ids: Int32Array;
  /** Segment ids; null for single texts, where all are 0. */
  readonly typeIds: Int32Array | null;
}

export interface EncodedText extends EncodedSequence {
  /** Gold label, −1 when none was asked for. */
  readonly label: number;
}

/** The text of a cell. @throws EasyNlpError DATA_COLUMN_UNKNOWN, DATA_CELL naming the place */
export function textOf(row: Row, column: string): string {
  const value: Cell | undefined = row.values[column];
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value === undefined) {
    throw new EasyNlpError('DATA_COLUMN_UNKNOWN', {
      file: row.file,
      line: row.line,
      column,
      known: Object.keys(row.values),
    });
  }
  throw new EasyNlpError('DATA_CELL', {
    file: row.file,
    line: row.line,
    column,
    got: value,
    expected: 'a text',
  });
}

const labelSets = new WeakMap<ClassificationSpec, LabelSet>();

function labelSetOf(spec: ClassificationSpec): LabelSet {
  const known = labelSets.get(spec);
  if (known) return known;
  const made = new LabelSet(spec.labels);
  labelSets.set(spec, made);
  return made;
}

/** The text or the pair of each row. @throws EasyNlpError DATA_COLUMN_UNKNOWN, DATA_CELL naming the place */
export function textsOf(
  rows: readonly Row[],
  { firstSequence, secondSequence }: Pick<SequenceSpec, 'firstSequence' | 'secondSequence'>,
): TextInput[] {
  return rows.map(
    (row): TextInput =>
      secondSequence === null
        ? textOf(row, firstSequence)
        : [textOf(row, firstSequence), textOf(row, secondSequence)],
  );
}

/** Tokenizes rows in Rust threads; one encoded row each, in order. */
export async function encodeTexts(
  rows: readonly Row[],
  { spec, tokenizer }: AppContext<SequenceSpec>,
): Promise<EncodedSequence[]> {
  const { secondSequence } = spec;
  const inputs = textsOf(rows, spec);
  const encodings = await tokenizer.encodeBatch(inputs, { maxLength: spec.sequenceLength });
  return encodings.map((encoding) => ({
    length: encoding.length,
    ids: encoding.ids,
    typeIds: secondSequence === null ? null : encoding.typeIds,
  }));
}

/** The same with the ids of the gold labels. @throws EasyNlpError DATA_LABEL_UNKNOWN */
export async function encodeLabelled(
  rows: readonly Row[],
  context: AppContext<ClassificationSpec>,
  options: { labels: boolean },
): Promise<EncodedText[]> {
  return withLabels(rows, context, options, encodeTexts);
}

/** Rows as `encode` encodes their texts, with the ids of the gold labels. @throws EasyNlpError DATA_LABEL_UNKNOWN */
export async function withLabels<Spec extends ClassificationSpec, Encoded extends EncodedSequence>(
  rows: readonly Row[],
  context: AppContext<Spec>,
  { labels }: { labels: boolean },
  encode: (rows: readonly Row[], context: AppContext<Spec>) => Promise<Encoded[]>,
): Promise<(Encoded & EncodedText)[]> {
  const { spec } = context;
  // Labels first: a wrong one is found before any time is spent on the texts.
  const ids = labels ? rows.map((row) => labelSetOf(spec).idIn(row, spec.labelName)) : null;
  const encoded = await encode(rows, context);
  return encoded.map((row, i) => ({ ...row, label: ids?.[i] ?? -1 }));
}

/** Pads to the longest row: `inputIds`, `tokenTypeIds` for pairs, `attentionMask` where there is padding. */
export function collateTexts(
  rows: readonly EncodedSequence[],
  { tokenizer }: Pick<AppContext, 'tokenizer'>,
  options: CollateOptions = {},
): HostBatch {
  const shape = {
    multipleOf: options.padToMultipleOf ?? 1,
    ...(options.padTo ? { length: options.padTo } : {}),
  };
  const inputIds = padSequences(
    rows.map((r) => r.ids),
    { ...shape, padValue: tokenizer.padId, dtype: 'int32' },
  );
  const width = inputIds.shape[1]!;
  const tensors: Record<string, HostTensor> = { inputIds };
  if (rows.some((r) => r.typeIds !== null)) {
    tensors.tokenTypeIds = padSequences(
      rows.map((r) => r.typeIds ?? new Int32Array(r.length)),
      { length: width, dtype: 'int32' },
    );
  }
  // Without padding the mask would change nothing, and leaving it out lets attention take its fastest path.
  if (options.alwaysMask || rows.some((r) => r.length < width)) {
    tensors.attentionMask = attentionMask(
      rows.map((r) => r.length),
      width,
      'bool',
    );
  }
  return {
    tensors,
    size: rows.length,
    tokens: rows.reduce((sum, r) => sum + r.length, 0),
    paddedTokens: rows.length * width,
  };
}

/** The same with `labels` [B] where every row has one. */
export function collateLabelled(
  rows: readonly EncodedText[],
  context: Pick<AppContext, 'tokenizer'>,
  options: CollateOptions = {},
): HostBatch {
  const batch = collateTexts(rows, context, options);
  if (!rows.every((r) => r.label >= 0)) return batch;
  return { ...batch, tensors: { ...batch.tensors, labels: intVector(rows.map((r) => r.label)) } };
}
