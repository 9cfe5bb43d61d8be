import type { DType, TypedArray } from './dtype.js';
import { TorchError } from './errors.js';
import { bfloat16ToNumber, float16ToNumber } from './half.js';

/** Numbers in arrays of any depth. */
export type NestedArray = number | bigint | boolean | readonly NestedArray[];

/** Reads one element of a typed array that holds `dtype`. */
export function elementReader(data: TypedArray, dtype: DType): (i: number) => number | bigint | boolean {
  if (dtype === 'bool') return (i) => data[i] !== 0;
  if (dtype === 'float16') return (i) => float16ToNumber(data[i] as number);
  if (dtype === 'bfloat16') return (i) => bfloat16ToNumber(data[i] as number);
  return (i) => data[i] as number | bigint;
}

function exact(value: number | bigint | boolean): number | boolean {
  if (typeof value !== 'bigint') return value;
  const number = Number(value);
  if (!Number.isSafeInteger(number)) {
    throw new TorchError(
      'PRECISION_LOST',
      `toArray: the int64 value ${value} is no exact JavaScript number; use toTypedArray(), which gives BigInts`,
    );
  }
  return number;
}

/** Folds row-major data into nested arrays. */
export function nestedFrom(data: TypedArray, shape: readonly number[], dtype: DType): NestedArray {
  const read = elementReader(data, dtype);
  let next = 0;
  const build = (dim: number): NestedArray => {
    if (dim === shape.length) return exact(read(next++));
    return Array.from({ length: shape[dim]! }, () => build(dim + 1));
  };
  return build(0);
}

/** Shape of nested arrays; ragged ones are refused with the place. */
export function shapeOfNested(value: NestedArray): number[] {
  const shape: number[] = [];
  for (let level: NestedArray = value; Array.isArray(level); level = (level as readonly NestedArray[])[0]!) {
    shape.push(level.length);
    if (level.length === 0) break;
  }
  const verify = (item: NestedArray, dim: number, path: string): void => {
    const isArray = Array.isArray(item);
    if (isArray !== dim < shape.length) {
      throw new TorchError(
        'ARGUMENT_INVALID',
        `tensor: nested arrays of unequal depth at ${path || 'the top'}`,
      );
    }
    if (!isArray) return;
    const list = item as readonly NestedArray[];
    if (list.length !== shape[dim]) {
      throw new TorchError(
        'ARGUMENT_INVALID',
        `tensor: expected ${shape[dim]} entries at ${path || 'the top'}, got ${list.length}`,
      );
    }
    list.forEach((child, i) => {
      verify(child, dim + 1, `${path}[${i}]`);
    });
  };
  verify(value, 0, '');
  return shape;
}
