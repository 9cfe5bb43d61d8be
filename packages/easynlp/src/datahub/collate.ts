import type { HostTensor } from './types.js';

export interface PadOptions {
  /** Value of the padding. Default 0. */
  readonly padValue?: number;
  /** Round the padded length up to a multiple of this. Default 1. */
  readonly multipleOf?: number;
  /** Pad to exactly this length instead of the longest row; longer rows are a programming error. */
  readonly length?: number;
  /** Element type of the result. Default int64, which embedding lookups take. */
  readonly dtype?: 'int32' | 'int64';
}

/** Length that rows of at most `longest` tokens are padded to. */
export function paddedLength(longest: number, multipleOf = 1): number {
  return Math.max(1, Math.ceil(longest / multipleOf)) * multipleOf;
}

/** Rows of ids, padded on the right: [B] rows → [B, T]. Throws RangeError when a row exceeds `length`. */
export function padSequences(rows: readonly ArrayLike<number>[], options: PadOptions = {}): HostTensor {
  const longest = rows.reduce((most, row) => Math.max(most, row.length), 0);
  const width = options.length ?? paddedLength(longest, options.multipleOf);
  if (longest > width) throw new RangeError(`A row of ${longest} tokens does not fit into length ${width}.`);
  const padValue = options.padValue ?? 0;
  const shape = [rows.length, width];
  if (options.dtype === 'int32') {
    const data = new Int32Array(rows.length * width);
    if (padValue !== 0) data.fill(padValue);
    for (const [index, row] of rows.entries()) data.set(row, index * width);
    return { data, shape, dtype: 'int32' };
  }
  // int64 through pairs of 32-bit words: a BigInt an element would cost ten times as much.
  const data = new BigInt64Array(rows.length * width);
  if (padValue !== 0) data.fill(BigInt(padValue));
  const words = new Int32Array(data.buffer);
  for (let r = 0; r < rows.length; r++) {
    const row = rows[r]!;
    for (let i = 0; i < row.length; i++) {
      const at = 2 * (r * width + i);
      words[at + LOW] = row[i]!;
      words[at + HIGH] = row[i]! < 0 ? -1 : 0;
    }
  }
  return { data, shape, dtype: 'int64' };
}

const LOW = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 0 : 1;
const HIGH = 1 - LOW;

/** 1 for real tokens, 0 for padding: lengths [B] → [B, T], bool or int64 as Hugging Face's models take it. */
export function attentionMask(
  lengths: readonly number[],
  width: number,
  dtype: 'bool' | 'int64' = 'int64',
): HostTensor {
  const shape = [lengths.length, width];
  if (dtype === 'bool') {
    const data = new Uint8Array(lengths.length * width);
    for (const [r, length] of lengths.entries()) data.fill(1, r * width, r * width + Math.min(length, width));
    return { data, shape, dtype };
  }
  const data = new BigInt64Array(lengths.length * width);
  for (const [r, length] of lengths.entries()) data.fill(1n, r * width, r * width + Math.min(length, width));
  return { data, shape, dtype };
}

/** A vector of integers, e.g. class ids: [B]. */
export function intVector(values: ArrayLike<number>): HostTensor {
  return { data: BigInt64Array.from(Array.from(values), BigInt), shape: [values.length], dtype: 'int64' };
}

/** Rows of numbers of equal length: [B, N]. Throws RangeError when lengths differ. */
export function floatMatrix(rows: readonly ArrayLike<number>[]): HostTensor {
  const width = rows[0]?.length ?? 0;
  const data = new Float32Array(rows.length * width);
  for (const [index, row] of rows.entries()) {
    if (row.length !== width)
      throw new RangeError(`Row ${index} has ${row.length} numbers, expected ${width}.`);
    data.set(row, index * width);
  }
  return { data, shape: [rows.length, width], dtype: 'float32' };
}
