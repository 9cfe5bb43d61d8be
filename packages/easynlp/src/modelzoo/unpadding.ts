import type { Tensor } from '@easynlp/torch';

/**
 * Where the real tokens of a padded batch are, so that an encoder can compute with them alone: between the embeddings
 * and the last layer nothing but attention looks across tokens.
 */
export interface Unpadding {
  /** int64 [N]: places of the tokens in the flattened [B·T], text by text; then the filler's. */
  readonly rows: Tensor;
  /** int64 [N]: every token's position in its text. */
  readonly positions: Tensor;
  /** int64 [B·T]: for every place its token's number among the N; padding points at the filler. */
  readonly places: Tensor;
  /** int32 [B + 2]: where each text begins among the N, where the filler does, and N. */
  readonly starts: Tensor;
  /** No text and no filler is longer. */
  readonly longest: number;
}

/** Modules that leave padding out where `unpaddingOf` tells them how. */
export interface UnpadsInputs {
  readonly unpads: true;
}

const known = new WeakMap<Tensor, Unpadding>();

/** Says what a mask [B, T] on the device hides; models that can use it find it when they are given that very tensor. */
export function describeMask(mask: Tensor, unpadding: Unpadding): void {
  known.set(mask, unpadding);
}

export function unpaddingOf(mask: Tensor): Unpadding | null {
  return known.get(mask) ?? null;
}

/** `Unpadding` in host memory. */
export interface HostUnpadding {
  readonly rows: BigInt64Array;
  readonly positions: BigInt64Array;
  readonly places: BigInt64Array;
  readonly starts: Int32Array;
  readonly longest: number;
}

/**
 * Finds the tokens of a mask [B, T] whose rows are ones followed by zeros. The number of tokens is rounded up to a
 * multiple of `multipleOf`, so that few sizes come again and again; what is added is a text of its own, the filler,
 * of which nothing is read.
 * @returns null when a row has a hole or nothing at all
 */
export function findTokens(
  mask: Uint8Array,
  shape: readonly [number, number],
  multipleOf: number,
): HostUnpadding | null {
  const [batch, length] = shape;
  const lengths: number[] = [];
  for (let b = 0; b < batch; b++) {
    const row = mask.subarray(b * length, (b + 1) * length);
    const end = row.indexOf(0);
    const count = end < 0 ? length : end;
    if (count === 0 || row.indexOf(1, count) >= 0) return null;
    lengths.push(count);
  }
  const tokens = lengths.reduce((a, n) => a + n, 0);
  const total = (Math.floor(tokens / multipleOf) + 1) * multipleOf; // a filler always, for padding to point at
  const rows = new BigInt64Array(total);
  const positions = new BigInt64Array(total);
  const places = new BigInt64Array(batch * length).fill(BigInt(tokens));
  const starts = new Int32Array(batch + 2);
  let at = 0;
  for (const [b, count] of lengths.entries()) {
    starts[b] = at;
    for (let t = 0; t < count; t++, at++) {
      rows[at] = BigInt(b * length + t);
      positions[at] = BigInt(t);
      places[b * length + t] = BigInt(at);
    }
  }
  starts[batch] = at;
  starts[batch + 1] = total;
  // The filler repeats the first token: any finite row does.
  return { rows, positions, places, starts, longest: Math.max(length, multipleOf) };
}
