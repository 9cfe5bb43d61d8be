import { elementCount, type FileDType, fileDType } from './file-dtype.js';
import { PickleError, PickleGlobal, PickleTuple } from './pickle-values.js';

/** A storage that a checkpoint refers to: a run of elements in one of its records. */
export interface StorageRef {
  readonly key: string;
  /** Null for an untyped storage, whose `elements` are bytes. */
  readonly dtype: FileDType | null;
  readonly elements: number;
  /** Where it starts in the record, in elements (views of the older layout; else 0). */
  readonly start: number;
  /** Elements of the whole record. */
  readonly recordElements: number;
}

/** A tensor of a checkpoint: a strided view of a storage. Offset and strides count elements of `dtype`. */
export class TensorRef {
  constructor(
    readonly storage: StorageRef,
    readonly dtype: FileDType,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
    readonly requiresGrad: boolean,
  ) {}
}

// As in PyTorch; also keeps messages that quote shapes short.
const MAX_RANK = 64;

const STORAGE_DTYPES: Readonly<Record<string, FileDType | null>> = {
  FloatStorage: 'float32',
  DoubleStorage: 'float64',
  HalfStorage: 'float16',
  BFloat16Storage: 'bfloat16',
  LongStorage: 'int64',
  IntStorage: 'int32',
  ShortStorage: 'int16',
  CharStorage: 'int8',
  ByteStorage: 'uint8',
  BoolStorage: 'bool',
  ComplexFloatStorage: 'complex64',
  ComplexDoubleStorage: 'complex128',
  UntypedStorage: null,
};

// Names of dtypes in the torch module, and their older synonyms.
const DTYPE_NAMES: Readonly<Record<string, FileDType>> = {
  float32: 'float32',
  float: 'float32',
  float64: 'float64',
  double: 'float64',
  float16: 'float16',
  half: 'float16',
  bfloat16: 'bfloat16',
  int64: 'int64',
  long: 'int64',
  int32: 'int32',
  int: 'int32',
  int16: 'int16',
  short: 'int16',
  int8: 'int8',
  uint8: 'uint8',
  bool: 'bool',
  uint16: 'uint16',
  uint32: 'uint32',
  uint64: 'uint64',
  float8_e5m2: 'float8_e5m2',
  float8_e4m3fn: 'float8_e4m3fn',
  complex64: 'complex64',
  complex128: 'complex128',
};

/** A global that stands for an element type: `torch.float32`. */
export class DTypeGlobal extends PickleGlobal {
  constructor(
    name: string,
    readonly dtype: FileDType,
  ) {
    super(name);
  }
}

/** A global that stands for a storage class: `torch.FloatStorage`. */
export class StorageGlobal extends PickleGlobal {
  constructor(
    name: string,
    readonly dtype: FileDType | null,
  ) {
    super(name);
  }
}

const ALLOWED = new Map<string, PickleGlobal>();

function allow(name: string, call?: (args: readonly unknown[]) => unknown): void {
  ALLOWED.set(name, new PickleGlobal(name, call));
}

/** The allow-list: what the state dict of any PyTorch version consists of, and harmless constants around it. */
export function resolveTorchGlobal(module: string, name: string): PickleGlobal | undefined {
  return ALLOWED.get(`${module}.${name}`);
}

for (const [name, dtype] of Object.entries(STORAGE_DTYPES)) {
  ALLOWED.set(`torch.${name}`, new StorageGlobal(`torch.${name}`, dtype));
}
ALLOWED.set('torch.storage.UntypedStorage', new StorageGlobal('torch.storage.UntypedStorage', null));
for (const [name, dtype] of Object.entries(DTYPE_NAMES)) {
  ALLOWED.set(`torch.${name}`, new DTypeGlobal(`torch.${name}`, dtype));
}

allow('collections.OrderedDict', ([pairs]) => toMap(pairs));
for (const module of ['builtins', '__builtin__']) {
  allow(`${module}.set`, ([items]) => new Set(toItems(items)));
  allow(`${module}.frozenset`, ([items]) => new Set(toItems(items)));
}
// How protocols below 3 write bytes: as text of which each character is one byte.
allow('_codecs.encode', ([text, encoding]) => {
  if (typeof text !== 'string' || encoding !== 'latin1')
    throw malformed('_codecs.encode: only latin1 is known');
  return new Uint8Array(Buffer.from(text, 'latin1'));
});
allow('torch.Size', ([sizes]) => new PickleTuple(toItems(sizes)));
allow('torch.device', (args) =>
  args.filter((part) => typeof part === 'string' || typeof part === 'number').join(':'),
);
allow('torch.Tensor');
allow('torch.nn.parameter.Parameter');

allow('torch._utils._rebuild_tensor', ([storage, offset, size, stride]) =>
  makeTensor('_rebuild_tensor', storage, offset, size, stride, false),
);
// The two arguments after requires_grad are hooks (always empty in files) and metadata of conjugate views.
allow('torch._utils._rebuild_tensor_v2', ([storage, offset, size, stride, requiresGrad, , metadata]) => {
  if (metadata instanceof Map && metadata.size > 0) {
    throw malformed(
      '_rebuild_tensor_v2: lazily conjugated or negated tensors are not supported; call resolve_conj',
    );
  }
  return makeTensor('_rebuild_tensor_v2', storage, offset, size, stride, requiresGrad === true);
});
allow('torch._utils._rebuild_tensor_v3', ([storage, offset, size, stride, requiresGrad, , dtype]) => {
  if (!(dtype instanceof DTypeGlobal)) throw malformed('_rebuild_tensor_v3: the dtype is missing');
  return makeTensor('_rebuild_tensor_v3', storage, offset, size, stride, requiresGrad === true, dtype.dtype);
});
allow('torch._utils._rebuild_parameter', rebuildParameter);
allow('torch._utils._rebuild_parameter_with_state', rebuildParameter);

function rebuildParameter([data, requiresGrad]: readonly unknown[]): TensorRef {
  if (!(data instanceof TensorRef)) throw malformed('_rebuild_parameter: no tensor');
  return new TensorRef(
    data.storage,
    data.dtype,
    data.offset,
    data.shape,
    data.strides,
    requiresGrad !== false,
  );
}

function makeTensor(
  where: string,
  storage: unknown,
  offset: unknown,
  size: unknown,
  stride: unknown,
  requiresGrad: boolean,
  asDType?: FileDType,
): TensorRef {
  if (!isStorageRef(storage)) throw malformed(`${where}: the first argument is no storage`);
  const dtype = asDType ?? storage.dtype;
  if (dtype === null) throw malformed(`${where}: an untyped storage without a dtype`);
  const shape = toSizes(`${where}: size`, size);
  const strides = toSizes(`${where}: stride`, stride);
  const begin = toSize(`${where}: offset`, offset);
  if (shape.length > MAX_RANK)
    throw malformed(`${where}: ${shape.length} dimensions, at most ${MAX_RANK} are possible`);
  if (shape.length !== strides.length) {
    throw malformed(`${where}: ${shape.length} sizes, but ${strides.length} strides`);
  }
  const count = elementCount(shape);
  const itemSize = fileDType(dtype)?.size ?? 1;
  if (count === null || !Number.isSafeInteger(count * itemSize))
    throw malformed(`${where}: size [${shape}] overflows`);
  const bytes = storage.elements * (storage.dtype === null ? 1 : (fileDType(storage.dtype)?.size ?? 1));
  const available = Math.floor(bytes / itemSize);
  // The last element touched; sums beyond 2^53 are inexact but far above any file, so the comparison still holds.
  const last = shape.reduce((sum, length, axis) => sum + (length - 1) * (strides[axis] as number), begin);
  if (count > 0 ? last >= available : begin > available) {
    throw malformed(
      `${where}: size [${shape}], stride [${strides}] and offset ${begin} reach beyond the storage '${storage.key}' of ${available} elements`,
    );
  }
  return new TensorRef(storage, dtype, begin, shape, strides, requiresGrad);
}

/** Storages are made by the loader as frozen objects of this shape; nothing in a pickle can produce one. */
const STORAGES = new WeakSet<object>();

export function makeStorageRef(ref: StorageRef): StorageRef {
  STORAGES.add(ref);
  return ref;
}

function isStorageRef(value: unknown): value is StorageRef {
  return typeof value === 'object' && value !== null && STORAGES.has(value);
}

function toItems(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  if (value instanceof PickleTuple) return value.items;
  if (Array.isArray(value)) return value;
  throw malformed('expected a list or tuple');
}

function toMap(pairs: unknown): Map<unknown, unknown> {
  const map = new Map<unknown, unknown>();
  for (const pair of toItems(pairs)) {
    const [key, value, ...rest] = toItems(pair);
    if (rest.length > 0) throw malformed('OrderedDict: an item that is no pair');
    map.set(key, value);
  }
  return map;
}

function toSizes(what: string, value: unknown): number[] {
  return toItems(value).map((item) => toSize(what, item));
}

export function toSize(what: string, value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw malformed(`${what} is not made of whole numbers from 0 to 2^53 - 1`);
}

export function malformed(reason: string): PickleError {
  return new PickleError(reason, -1);
}
