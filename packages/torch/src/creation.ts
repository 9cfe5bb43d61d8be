import type { Device, DType, Scalar } from './dtype.js';
import { TorchError } from './errors.js';
import type { Generator } from './generator.js';
import { native } from './native.js';
import { type NestedArray, shapeOfNested } from './nested.js';
import { ops } from './operator.js';
import { finish, type Tensor, type TensorOptions, wrap } from './tensor.js';

function inferred(first: unknown): DType {
  return typeof first === 'boolean' ? 'bool' : typeof first === 'bigint' ? 'int64' : 'float32';
}

/**
 * A tensor from a number or nested arrays. The dtype is float32 for numbers (also integral ones, as JavaScript has
 * a single number type), int64 for BigInts, bool for booleans, unless `dtype` says otherwise.
 *
 * @throws TorchError ARGUMENT_INVALID for ragged arrays and for values that an integer dtype cannot hold.
 */
export function tensor(value: NestedArray, options: TensorOptions = {}): Tensor {
  const shape = shapeOfNested(value);
  const flat = (Array.isArray(value) ? (value as unknown[]).flat(Number.POSITIVE_INFINITY) : [value]) as (
    | number
    | bigint
    | boolean
  )[];
  const dtype = options.dtype ?? inferred(flat[0]);
  const wide = dtype === 'int64';
  const whole = wide || dtype === 'int32' || dtype === 'int16' || dtype === 'int8' || dtype === 'uint8';
  if (whole) {
    const data = BigInt64Array.from(flat, (v) => {
      if (typeof v === 'bigint') {
        if (BigInt.asIntN(64, v) !== v)
          throw new TorchError('ARGUMENT_INVALID', `tensor: ${v} does not fit into int64`);
        return v;
      }
      const n = Number(v);
      if (!Number.isSafeInteger(n))
        throw new TorchError(
          'ARGUMENT_INVALID',
          `tensor: ${String(v)} is no exact integer for ${dtype}; give a BigInt`,
        );
      return BigInt(n);
    });
    const [low, high] = INTEGER_RANGE[dtype as keyof typeof INTEGER_RANGE];
    for (const v of data) {
      if (v < low || v > high)
        throw new TorchError('ARGUMENT_INVALID', `tensor: ${v} does not fit into ${dtype}`);
    }
    return finish(wrap(native.fromBytes(data, 'int64', shape)), 'int64', { ...options, dtype });
  }
  if (dtype === 'bool') {
    const data = Uint8Array.from(flat, (v) => (v ? 1 : 0));
    return finish(wrap(native.fromBytes(data, 'bool', shape)), 'bool', options);
  }
  const data = Float64Array.from(flat, Number);
  return finish(wrap(native.fromBytes(data, 'float64', shape)), 'float64', { ...options, dtype });
}

const INTEGER_RANGE = {
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  int16: [-32768n, 32767n],
  int8: [-128n, 127n],
  uint8: [0n, 255n],
} as const;

interface Factory {
  dtype: DType;
  device: Device;
}

function make(
  name: string,
  overload: string,
  values: unknown[],
  options: TensorOptions,
  dtype: DType = 'float32',
): Tensor {
  const factory: Factory = { dtype: options.dtype ?? dtype, device: options.device ?? 'cpu' };
  const out = ops.call(name, overload, ...values, factory) as Tensor;
  if (options.requiresGrad) out.requiresGrad = true;
  return out;
}

type Random = TensorOptions & { readonly generator?: Generator };

/** Uninitialized memory. */
export const empty = (shape: readonly number[], options: TensorOptions = {}): Tensor =>
  make('aten::empty', 'memory_format', [shape], options);
export const zeros = (shape: readonly number[], options: TensorOptions = {}): Tensor =>
  make('aten::zeros', '', [shape], options);
export const ones = (shape: readonly number[], options: TensorOptions = {}): Tensor =>
  make('aten::ones', '', [shape], options);
export const full = (shape: readonly number[], value: Scalar, options: TensorOptions = {}): Tensor =>
  make('aten::full', '', [shape, value], options, typeof value === 'boolean' ? 'bool' : 'float32');
export const eye = (n: number, options: TensorOptions = {}): Tensor => make('aten::eye', '', [n], options);

/** Integers from `start` (default 0) up to but without `end`, as int64. */
export function arange(end: number, options?: TensorOptions): Tensor;
export function arange(start: number, end: number, step?: number, options?: TensorOptions): Tensor;
export function arange(a: number, b?: number | TensorOptions, step = 1, options: TensorOptions = {}): Tensor {
  const [start, end, opts] = typeof b === 'number' ? [a, b, options] : [0, a, b ?? {}];
  const whole = [start, end, step].every(Number.isInteger);
  return make('aten::arange', 'start_step', [start, end, step], opts, whole ? 'int64' : 'float32');
}

export const linspace = (start: number, end: number, steps: number, options: TensorOptions = {}): Tensor =>
  make('aten::linspace', '', [start, end, steps], options);

function random(name: string, overload: string, seeded: string, values: unknown[], options: Random): Tensor {
  const { generator, ...rest } = options;
  return generator ? make(name, seeded, [...values, generator], rest) : make(name, overload, values, rest);
}

/** Uniform in [0, 1). */
export const rand = (shape: readonly number[], options: Random = {}): Tensor =>
  random('aten::rand', '', 'generator', [shape], options);
/** Standard normal. */
export const randn = (shape: readonly number[], options: Random = {}): Tensor =>
  random('aten::randn', '', 'generator', [shape], options);
/** Uniform integers in [low, high), int64. */
export function randint(low: number, high: number, shape: readonly number[], options: Random = {}): Tensor {
  const { generator, ...rest } = options;
  const filled = { ...rest, dtype: rest.dtype ?? ('int64' as const) };
  return generator
    ? make('aten::randint', 'low_generator', [low, high, shape, generator], filled)
    : make('aten::randint', 'low', [low, high, shape], filled);
}
/** A random permutation of 0 … n−1, int64. */
export function randperm(n: number, options: Random = {}): Tensor {
  const { generator, ...rest } = options;
  const filled = { ...rest, dtype: rest.dtype ?? ('int64' as const) };
  return generator
    ? make('aten::randperm', 'generator', [n, generator], filled)
    : make('aten::randperm', '', [n], filled);
}

const like =
  (name: string) =>
  (source: Tensor, options: TensorOptions = {}): Tensor => {
    const { requiresGrad, ...rest } = options;
    const out = ops.call(name, '', source, rest) as Tensor;
    if (requiresGrad) out.requiresGrad = true;
    return out;
  };
export const zerosLike = like('aten::zeros_like');
export const onesLike = like('aten::ones_like');
export const emptyLike = like('aten::empty_like');
export const randnLike = like('aten::randn_like');
