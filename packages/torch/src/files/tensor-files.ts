import { empty } from '../creation.js';
import type { Device, DType } from '../dtype.js';
import { TorchError } from '../errors.js';
import { ops } from '../operator.js';
import { tidy } from '../scope.js';
import { Tensor } from '../tensor.js';
import { type FileDType, fileDType } from './file-dtype.js';
import { SafetensorsFile } from './safetensors.js';
import { type SafetensorsInput, writeSafetensors } from './safetensors-writer.js';
import { TorchCheckpoint, type TorchCheckpointOptions } from './torch-checkpoint.js';
import type { TensorRef } from './torch-globals.js';

export interface LoadOptions {
  /** Default 'cpu'. */
  readonly device?: Device;
  /**
   * Default false: tensors on the CPU are views of a private mapping of the file; pages are read when used, in-place
   * changes stay in memory. Replacing the file by renaming is harmless, but whoever overwrites or truncates it in
   * place changes or crashes its readers. With true every tensor is a copy of its own.
   */
  readonly copy?: boolean;
}

/** Types that the tensor class has; the others can only be read as bytes. */
const TENSOR_DTYPES: ReadonlySet<string> = new Set<DType>([
  'float32',
  'float64',
  'float16',
  'bfloat16',
  'int64',
  'int32',
  'int16',
  'int8',
  'uint8',
  'bool',
]);

/**
 * Reads all tensors of a safetensors file, memory-mapped. The tensors belong to the current scope.
 *
 * ```ts
 * const weights = loadSafetensors('model.safetensors', { device: 'cuda' });
 * weights.get('bert.pooler.dense.bias')?.shape; // [768]
 * ```
 *
 * @throws TorchError SAFETENSORS_INVALID naming file and tensor, IO_ERROR, DTYPE_UNSUPPORTED.
 */
export function loadSafetensors(path: string, options: LoadOptions = {}): Map<string, Tensor> {
  using file = SafetensorsFile.open(path);
  for (const name of file.names) checkDType(path, name, file.entry(name).dtype);
  return tidy(() => {
    const mapping = new FileMapping(path, file.header.fileSize, file);
    const tensors = new Map<string, Tensor>();
    for (const name of file.names) {
      const { dtype, shape, begin, end } = file.entry(name);
      const flat = mapping.elements(file.header.dataStart + begin, end - begin, dtype as DType);
      tensors.set(
        name,
        place(ops.call('aten::view', '', flat.tensor, shape) as Tensor, flat.copied, options),
      );
    }
    return tensors;
  });
}

/**
 * Writes tensors to a safetensors file, atomically. Views and tensors on a device are written row-major; tensors that
 * share memory are written once each. `metadata` gets `format: 'pt'`, which Python `transformers` asks for, unless
 * it has a format of its own.
 *
 * @throws TorchError ARGUMENT_INVALID, TENSOR_DISPOSED (nothing is written), IO_ERROR naming path and bytes.
 */
export function saveSafetensors(
  path: string,
  tensors: ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): void {
  const inputs = new Map<string, SafetensorsInput>();
  for (const [name, tensor] of tensors instanceof Map ? tensors : Object.entries(tensors)) {
    if (!(tensor instanceof Tensor)) {
      throw new TorchError('ARGUMENT_INVALID', `cannot write '${name}' to ${path}: it is no tensor`, {
        tensor: name,
      });
    }
    inputs.set(name, { dtype: tensor.dtype, shape: tensor.shape, bytes: () => tensor.toBytes() });
  }
  writeSafetensors(path, inputs, { format: 'pt', ...metadata });
}

/**
 * Reads the state dict of a `pytorch_model.bin` (`.pt`, `.pth`) without running any code of it; see `TorchCheckpoint`.
 * Tensors that share a storage in the file share it here (tied weights), unless `copy` or `device` ask for copies.
 * They do not require gradients, whatever the file says.
 *
 * @throws TorchError CHECKPOINT_REFUSED naming the global, CHECKPOINT_INVALID, IO_ERROR, DTYPE_UNSUPPORTED.
 */
export function loadTorchBin(
  path: string,
  options: LoadOptions & TorchCheckpointOptions = {},
): Map<string, Tensor> {
  using checkpoint = TorchCheckpoint.open(path, options);
  for (const [name, ref] of checkpoint.tensors) checkDType(path, name, ref.dtype);
  return tidy(() => {
    const mapping = new FileMapping(path, checkpoint.fileSize, checkpoint);
    const storages = new Map<string, Elements>();
    const tensors = new Map<string, Tensor>();
    for (const [name, ref] of checkpoint.tensors) {
      tensors.set(name, readTensor(name, ref, checkpoint, mapping, storages, options));
    }
    return tensors;
  });
}

function readTensor(
  name: string,
  ref: TensorRef,
  checkpoint: TorchCheckpoint,
  mapping: FileMapping,
  storages: Map<string, Elements>,
  options: LoadOptions,
): Tensor {
  const dtype = ref.dtype as DType;
  if (ref.shape.includes(0)) return empty(ref.shape, { dtype, device: options.device ?? 'cpu' });
  checkpoint.checkRepetition(name, ref);
  const key = `${ref.storage.key}:${dtype}`;
  let storage = storages.get(key);
  if (storage === undefined) {
    const { begin, bytes, native } = checkpoint.location(ref);
    if (!native) return place(Tensor.fromBytes(checkpoint.read(name).bytes, dtype, ref.shape), true, options);
    storage = mapping.elements(begin, bytes - (bytes % fileDType(dtype)!.size), dtype);
    storages.set(key, storage);
  }
  const start = storage.start + ref.storage.start + ref.offset;
  const view = ops.call('aten::as_strided', '', storage.tensor, ref.shape, ref.strides, start) as Tensor;
  // Copies made for alignment may be shared by several tensors: they count as the file's own memory.
  return place(view, false, options);
}

interface Elements {
  readonly tensor: Tensor;
  /** Offset of the first element in the tensor's storage, in elements. */
  readonly start: number;
  /** Whether the tensor already has memory of its own. */
  readonly copied: boolean;
}

/** A file as one uint8 tensor, mapped privately on first use. */
class FileMapping {
  #bytes: Tensor | null = null;

  constructor(
    private readonly path: string,
    private readonly size: number,
    private readonly opened: { isCurrent(): boolean },
  ) {}

  /** A run of the file as a flat tensor: a view where the offset is aligned, else a copy. */
  elements(begin: number, bytes: number, dtype: DType): Elements {
    if (bytes === 0) return { tensor: empty([0], { dtype }), start: 0, copied: true };
    const run = ops.call('aten::slice', 'Tensor', this.#map(), 0, begin, begin + bytes) as Tensor;
    // A bool byte other than 0 or 1 is undefined behaviour in C++: such tensors are made, not viewed.
    if (dtype === 'bool')
      return { tensor: ops.call('aten::ne', 'Scalar', run, 0) as Tensor, start: 0, copied: true };
    const size = fileDType(dtype)!.size;
    const aligned = begin % size === 0;
    const source = aligned ? run : (ops.call('aten::clone', '', run) as Tensor);
    return {
      tensor: ops.call('aten::view', 'dtype', source, dtype) as Tensor,
      start: aligned ? begin / size : 0,
      copied: !aligned,
    };
  }

  #map(): Tensor {
    if (this.#bytes !== null) return this.#bytes;
    const options = { shared: false, size: this.size, dtype: 'uint8' };
    const bytes = ops.call('aten::from_file', '', this.path, options) as Tensor;
    // The header was read through a descriptor, the mapping goes by name: they must be the same file.
    if (!this.opened.isCurrent()) {
      throw new TorchError('IO_ERROR', `${this.path} was replaced while it was being read; read it again`, {
        path: this.path,
      });
    }
    this.#bytes = bytes;
    return bytes;
  }
}

function place(tensor: Tensor, copied: boolean, { device = 'cpu', copy = false }: LoadOptions): Tensor {
  return tensor.to({ device, copy: copy && !copied });
}

function checkDType(file: string, tensor: string, dtype: FileDType): void {
  if (TENSOR_DTYPES.has(dtype)) return;
  throw new TorchError(
    'DTYPE_UNSUPPORTED',
    `${file}: tensor '${tensor}' has dtype ${dtype}, which tensors cannot have here; its bytes can be read with SafetensorsFile or loadTorchCheckpoint`,
    { file, tensor, dtype },
  );
}
