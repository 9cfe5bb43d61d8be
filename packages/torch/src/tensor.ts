import { inspect } from 'node:util';
import type { Device, DType, Scalar, TypedArray } from './dtype.js';
import { dtypeOfTypedArray, itemSize, typedArrayOf } from './dtype.js';
import { TorchError } from './errors.js';
import { formatTensor } from './format.js';
import type { TensorMethods } from './generated/methods.js';
import { type Index, indexTensor, writeIndex } from './indexing.js';
import { native } from './native.js';
import { type NestedArray, nestedFrom } from './nested.js';
import { ops } from './operator.js';
import { adopt, type Scope, setTensorTest } from './scope.js';

/** Options of every function that makes a tensor. */
export interface TensorOptions {
  readonly dtype?: DType;
  readonly device?: Device;
  readonly requiresGrad?: boolean;
}

/**
 * A tensor of libtorch.
 *
 * The object is a light handle: its data lives in libtorch and is released by `dispose()`, by the end of the
 * `tidy()` or `scope()` it was created in, or, outside any scope, by garbage collection. Methods are PyTorch's, in
 * camel case; what PyTorch takes as keywords comes in a trailing object: `x.sum({ dim: [1], keepdim: true })`.
 *
 * @example
 * const x = tensor([[1, 2], [3, 4]]);
 * x.matmul(x).toArray(); // [[7, 10], [15, 22]]
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the generated methods are installed on the prototype.
export class Tensor {
  /** @internal Handle in the native table, 0 once disposed. */ handle: number;
  /** @internal */ scope: Scope | null = null;

  /** @internal Use the creation functions. */
  constructor(handle: number) {
    this.handle = handle;
  }

  /**
   * Copies a typed array. uint16 data is taken as raw float16 or bfloat16 bits when `dtype` says so; otherwise
   * another `dtype` converts.
   */
  static fromTypedArray(
    data: TypedArray,
    shape: readonly number[] = [data.length],
    options: TensorOptions & { pinned?: boolean } = {},
  ): Tensor {
    const raw16 =
      data instanceof Uint16Array && (options.dtype === 'float16' || options.dtype === 'bfloat16');
    const own =
      raw16 || (options.dtype === 'bool' && data instanceof Uint8Array)
        ? options.dtype!
        : dtypeOfTypedArray(data);
    return finish(wrap(native.fromBytes(data, own, shape, options.pinned)), own, options);
  }

  /** Copies raw bytes (little-endian, row-major) of the given dtype. */
  static fromBytes(bytes: Uint8Array, dtype: DType, shape: readonly number[]): Tensor {
    return wrap(native.fromBytes(bytes, dtype, shape));
  }

  get shape(): number[] {
    return native.shape(this.handle);
  }

  /** Steps, in elements, from one index to the next of each dimension. */
  get strides(): number[] {
    return native.strides(this.handle);
  }

  get ndim(): number {
    return native.shape(this.handle).length;
  }

  get dtype(): DType {
    return native.dtype(this.handle) as DType;
  }

  get device(): Device {
    return native.device(this.handle);
  }

  /** Number of elements. */
  get numel(): number {
    return native.numel(this.handle);
  }

  /** Bytes of the elements. */
  get nbytes(): number {
    return native.numel(this.handle) * itemSize(this.dtype);
  }

  get isDisposed(): boolean {
    return this.handle === 0 || !native.alive(this.handle);
  }

  size(dim: number): number {
    const { shape } = this;
    const at = dim < 0 ? dim + shape.length : dim;
    if (!(at >= 0 && at < shape.length)) {
      throw new TorchError(
        'ARGUMENT_INVALID',
        `size: dimension ${dim} of a tensor with ${shape.length} dimensions`,
      );
    }
    return shape[at]!;
  }

  /** Releases this handle; the data lives on while a view or the autograd graph needs it. */
  dispose(): void {
    if (this.handle === 0) return;
    native.dispose(this.handle);
    this.handle = 0;
    this.scope = null;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** The value of a tensor with one element; a BigInt for integers beyond ±(2^53 − 1). */
  item(): number {
    return native.item(this.handle) as number;
  }

  /**
   * Contents as nested arrays of numbers (booleans for bool).
   * @throws TorchError PRECISION_LOST for int64 values beyond ±(2^53 − 1); use `toTypedArray()`, which gives BigInts.
   */
  toArray(): NestedArray {
    return nestedFrom(this.toTypedArray(), this.shape, this.dtype);
  }

  /** Contents in row-major order; float16 and bfloat16 as raw bits in a Uint16Array. */
  toTypedArray(): TypedArray {
    return typedArrayOf(this.dtype, native.toBytes(this.handle));
  }

  /** Contents as raw bytes, row-major. */
  toBytes(): Uint8Array {
    return new Uint8Array(native.toBytes(this.handle));
  }

  /** Contents as a Float32Array, whatever the dtype. */
  toFloat32Array(): Float32Array {
    if (this.dtype === 'float32') return this.toTypedArray() as Float32Array;
    const converted = this.detach().to({ dtype: 'float32' });
    const out = converted.toTypedArray() as Float32Array;
    if (converted !== this) converted.dispose();
    return out;
  }

  /** A tensor with the given dtype and device: this very object when it has both already. */
  to(options: { dtype?: DType; device?: Device; copy?: boolean; nonBlocking?: boolean }): Tensor {
    const { dtype = this.dtype, device = this.device, copy = false, nonBlocking = false } = options;
    if (!copy && dtype === this.dtype && sameDevice(device, this.device)) return this;
    // layout and pinned memory keep their defaults
    return ops.call('aten::to', 'dtype_layout', this, dtype, null, device, null, nonBlocking, copy) as Tensor;
  }

  cpu(): Tensor {
    return this.to({ device: 'cpu' });
  }

  /** Indexing as `x[...]` in Python: `x.index(0)`, `x.index(':', slice(1, 3))`, `x.index('...', null)`, `x.index(mask)`. */
  index(...indices: Index[]): Tensor {
    return indexTensor(this, indices);
  }

  /** Assignment as `x[...] = value` in Python. */
  set_(indices: readonly Index[], value: Tensor | Scalar): this {
    writeIndex(this, indices, value);
    return this;
  }

  get requiresGrad(): boolean {
    return native.requiresGrad(this.handle) === true;
  }

  set requiresGrad(value: boolean) {
    if (!native.isLeaf(this.handle)) {
      throw new TorchError(
        'ARGUMENT_INVALID',
        'requiresGrad can be changed on leaves only; detach() gives a tensor that is outside the graph',
      );
    }
    native.requiresGrad(this.handle, value);
  }

  get isLeaf(): boolean {
    return native.isLeaf(this.handle);
  }

  /** The accumulated gradient, or null. Every read makes a handle of its own. */
  get grad(): Tensor | null {
    const handle = native.getGrad(this.handle);
    return handle === null ? null : wrap(handle);
  }

  set grad(value: Tensor | null) {
    native.setGrad(this.handle, value === null ? null : liveHandle(value));
  }

  /** Keeps the gradient of a tensor that is no leaf. */
  retainGrad(): this {
    native.retainGrad(this.handle);
    return this;
  }

  /** Accumulates d(this)/d(leaf) into the `grad` of every leaf, or of `inputs` only. */
  backward(
    options: {
      gradient?: Tensor;
      retainGraph?: boolean;
      createGraph?: boolean;
      inputs?: readonly Tensor[];
    } = {},
  ): void {
    native.backward(
      [liveHandle(this)],
      [options.gradient ? liveHandle(options.gradient) : 0],
      options.retainGraph ?? false,
      options.createGraph ?? false,
      (options.inputs ?? []).map(liveHandle),
    );
  }

  /** Number identifying the memory behind the tensor: equal for views and tied weights. */
  get storageId(): bigint {
    return native.storageId(this.handle);
  }

  /** Another handle on the same tensor, with a life of its own. */
  alias(): Tensor {
    return wrap(native.alias(this.handle));
  }

  toString(): string {
    return formatTensor(this);
  }

  [inspect.custom](): string {
    return this.isDisposed ? 'tensor(<disposed>)' : formatTensor(this);
  }
}

export interface Tensor extends TensorMethods {}

setTensorTest((value): value is Tensor => value instanceof Tensor);

function sameDevice(wanted: Device, actual: Device): boolean {
  return wanted === actual || (wanted === 'cuda' && actual.startsWith('cuda'));
}

/** @internal The handle, for native functions to which 0 means that nothing was given. */
export function liveHandle(tensor: Tensor): number {
  if (tensor.handle === 0) {
    throw new TorchError(
      'TENSOR_DISPOSED',
      'this tensor was disposed, by dispose() or at the end of its scope',
    );
  }
  return tensor.handle;
}

/** @internal A tensor object for a fresh handle, owned by the innermost scope. */
export function wrap(handle: number): Tensor {
  const tensor = new Tensor(handle);
  adopt(tensor);
  return tensor;
}

/** @internal Moves a fresh host tensor to where `options` want it. */
export function finish(host: Tensor, dtype: DType, options: TensorOptions): Tensor {
  const moved = host.to({ dtype: options.dtype ?? dtype, device: options.device ?? 'cpu' });
  if (moved !== host) host.dispose();
  if (options.requiresGrad) moved.requiresGrad = true;
  return moved;
}
