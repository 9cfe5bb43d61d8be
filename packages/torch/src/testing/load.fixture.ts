import { readFileSync } from 'node:fs';
import type { DType } from '../dtype.js';
import { Tensor } from '../tensor.js';

/** A tensor as the fixture scripts write it. */
export interface Dump {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** Reads a JSON fixture relative to the test: `fixture<T>(import.meta.url, 'fixtures/x.json')`. */
export function fixture<T>(from: string, path: string): T {
  return JSON.parse(readFileSync(new URL(path, from), 'utf8')) as T;
}

export function load(dump: Dump, dtype: DType = 'float32'): Tensor {
  if (dtype === 'int64') return Tensor.fromTypedArray(BigInt64Array.from(dump.data, BigInt), dump.shape);
  return Tensor.fromTypedArray(Float64Array.from(dump.data), dump.shape, { dtype });
}

/** Largest difference relative to the largest expected magnitude; infinite when shapes differ. */
export function relativeError(actual: Tensor, expected: Dump): number {
  if (actual.shape.join() !== expected.shape.join()) return Number.POSITIVE_INFINITY;
  const values = actual.toFloat32Array();
  let scale = 1e-30;
  let worst = 0;
  for (const [i, e] of expected.data.entries()) {
    scale = Math.max(scale, Math.abs(e));
    const difference = Math.abs(values[i]! - e);
    if (Number.isNaN(difference)) return Number.POSITIVE_INFINITY;
    worst = Math.max(worst, difference);
  }
  return worst / scale;
}
