import { TorchError } from '../errors.js';
import { type ByteSource, memorySource, openFileSource } from './byte-source.js';
import { openLegacyLayout, openZipLayout, type TorchLayout } from './checkpoint-layouts.js';
import { type FileDType, fileDType, showShape } from './file-dtype.js';
import { PickleError } from './pickle-values.js';
import { selectStateDict } from './state-dict.js';
import { gatherContiguous, isContiguous, swapBytes } from './strided.js';
import type { TensorRef } from './torch-globals.js';

/** A tensor read from a checkpoint. */
export interface CheckpointTensor {
  readonly dtype: FileDType;
  readonly shape: readonly number[];
  /** As saved, in elements; `bytes` is row-major whatever they are. */
  readonly strides: readonly number[];
  readonly requiresGrad: boolean;
  /** Names the storage in the file; tensors with the same one share their elements (tied weights). */
  readonly storage: string;
  /** Little-endian, row-major. Tensors over one storage may share a buffer: copy before writing. */
  readonly bytes: Uint8Array;
}

export interface TorchCheckpointOptions {
  /**
   * Which entry holds the state dict: a name, a path of names, `[]` for the top level. Default: the top level, or
   * `state_dict`, `model_state_dict`, `model` or `module` if the top level has no tensors of its own.
   */
  readonly key?: string | readonly string[];
  /** Compare the checksums of zip members (default true). */
  readonly verify?: boolean;
}

// Gathering strided views may repeat elements; up to this much is never worth an error.
const SMALL = 1 << 20;

/**
 * A `pytorch_model.bin` (or `.pt`, `.pth`), open for reading single tensors: the zip layout of PyTorch ≥ 1.6 and the
 * layout before it. The pickle inside is read by a machine that knows tensors, dictionaries and constants only; any
 * other global is refused by name, so that opening a file never runs its code.
 *
 * @throws TorchError CHECKPOINT_REFUSED (asks for something not on the allow-list), CHECKPOINT_INVALID (damaged, or
 *   another format), IO_ERROR.
 */
export class TorchCheckpoint implements Disposable {
  readonly path: string;
  /** Tensors of the state dict by name; nested dictionaries are joined with dots. */
  readonly tensors: ReadonlyMap<string, TensorRef>;
  /** Names of entries that are no tensors, and were left out. */
  readonly skipped: readonly string[];
  readonly #source: ByteSource;
  readonly #layout: TorchLayout;
  readonly #storages = new Map<string, Uint8Array>();

  private constructor(source: ByteSource, options: TorchCheckpointOptions) {
    this.#source = source;
    this.path = source.name;
    try {
      this.#layout = openLayout(source, options);
      const { tensors, skipped } = selectStateDict(this.#layout.value, options.key);
      this.tensors = tensors;
      this.skipped = skipped;
    } catch (error) {
      throw translate(error, source.name);
    }
  }

  static open(path: string, options: TorchCheckpointOptions = {}): TorchCheckpoint {
    const source = openFileSource(path);
    try {
      return new TorchCheckpoint(source, options);
    } catch (error) {
      source.close();
      throw error;
    }
  }

  static fromBytes(
    bytes: Uint8Array,
    options: TorchCheckpointOptions = {},
    label = '(memory)',
  ): TorchCheckpoint {
    return new TorchCheckpoint(memorySource(bytes, label), options);
  }

  /**
   * Where a tensor's storage lies in the file, after its checksum was compared (`verify`), and whether its bytes can
   * be used as they are (little-endian).
   */
  location(ref: TensorRef): { begin: number; bytes: number; native: boolean } {
    try {
      this.#layout.verifyStorage(ref.storage);
      return { ...this.#layout.locate(ref.storage), native: !this.#layout.bigEndian };
    } catch (error) {
      throw translate(error, this.path);
    }
  }

  /** One tensor with its bytes. Storages read once are kept until `close`. */
  read(name: string): CheckpointTensor {
    const ref = this.tensors.get(name);
    if (ref === undefined) {
      throw new TorchError('ARGUMENT_INVALID', `${this.path} has no tensor '${name}'`, {
        file: this.path,
        tensor: name,
      });
    }
    const { dtype, shape, strides, requiresGrad, storage } = ref;
    return { dtype, shape, strides, requiresGrad, storage: storage.key, bytes: this.#bytes(name, ref) };
  }

  /** Refuses views (stride 0) that would grow a small file into huge tensors as soon as they are copied. */
  checkRepetition(name: string, ref: TensorRef): void {
    const bytes = ref.shape.reduce((product, size) => product * size, fileDType(ref.dtype)?.size as number);
    if (bytes <= Math.max(this.#source.size, SMALL)) return;
    throw new TorchError(
      'CHECKPOINT_INVALID',
      `${this.path}: tensor '${name}' of shape ${showShape(ref.shape)} repeats a smaller storage and would take ${bytes} bytes, more than the whole file; save it with .contiguous() or leave it out`,
      { file: this.path, tensor: name },
    );
  }

  #bytes(name: string, ref: TensorRef): Uint8Array {
    const itemSize = fileDType(ref.dtype)?.size as number;
    const count = ref.shape.reduce((product, size) => product * size, 1);
    if (count === 0) return new Uint8Array(0);
    this.checkRepetition(name, ref);
    const storage = this.#storage(ref);
    const storageItem = ref.storage.dtype === null ? 1 : (fileDType(ref.storage.dtype)?.size as number);
    const begin = ref.storage.start * storageItem + ref.offset * itemSize;
    if (isContiguous(ref.shape, ref.strides)) return storage.subarray(begin, begin + count * itemSize);
    return gatherContiguous(storage.subarray(begin), ref.shape, ref.strides, itemSize);
  }

  #storage(ref: TensorRef): Uint8Array {
    const { key } = ref.storage;
    let bytes = this.#storages.get(key);
    if (bytes === undefined) {
      bytes = this.#layout.readStorage(ref.storage);
      if (this.#layout.bigEndian) swapBytes(bytes, fileDType(ref.storage.dtype ?? ref.dtype)?.unit as number);
      this.#storages.set(key, bytes);
    }
    return bytes;
  }

  /** Bytes of the file. */
  get fileSize(): number {
    return this.#source.size;
  }

  /** Whether the path still names the file that was opened, at its size then. */
  isCurrent(): boolean {
    return this.#source.isCurrent();
  }

  close(): void {
    this.#storages.clear();
    this.#source.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Reads all tensors of a checkpoint; see `TorchCheckpoint`. */
export function loadTorchCheckpoint(
  path: string,
  options: TorchCheckpointOptions = {},
): Map<string, CheckpointTensor> {
  const checkpoint = TorchCheckpoint.open(path, options);
  try {
    return new Map([...checkpoint.tensors.keys()].map((name) => [name, checkpoint.read(name)]));
  } finally {
    checkpoint.close();
  }
}

function openLayout(source: ByteSource, options: TorchCheckpointOptions): TorchLayout {
  const head = Buffer.from(source.read(0, Math.min(source.size, 512)));
  if (head.length === 0) throw new PickleError('the file is empty', 0);
  if (head.toString('latin1', 0, 4) === 'PK\x03\x04' || head.toString('latin1', 0, 4) === 'PK\x05\x06') {
    return openZipLayout(source, options.verify ?? true);
  }
  if (head.toString('latin1', 257, 262) === 'ustar' || isOldTar(head)) {
    throw new TorchError(
      'CHECKPOINT_REFUSED',
      `${source.name} is in the tar layout of PyTorch before 0.1.10, which is not supported; load and save it once with a newer PyTorch`,
      { file: source.name },
    );
  }
  const known = knownFormat(head);
  if (known !== null) throw new PickleError(`it is ${known}`, 0);
  return openLegacyLayout(source);
}

/** A tar header without the `ustar` mark: a name, then an octal mode field at byte 100. */
function isOldTar(head: Buffer): boolean {
  return (
    head.length === 512 &&
    /^[\w./-]+$/.test(head.toString('latin1', 0, 100).replace(/\0+$/, '')) &&
    /^[0-7]{6,7}[ \0]/.test(head.toString('latin1', 100, 108))
  );
}

function knownFormat(head: Buffer): string | null {
  if (head.toString('latin1', 1, 4) === 'HDF') return 'an HDF5 file (Keras); convert it to safetensors';
  if (head.length > 9 && head[8] === 0x7b && head.readBigUInt64LE(0) < 100_000_000n)
    return 'a safetensors file; use the safetensors reader';
  if (head.toString('latin1', 0, 4) === 'GGUF') return 'a GGUF file';
  if (head.toString('latin1', 0, 7) === 'version')
    return 'a Git LFS pointer, not the weights; run `git lfs pull`';
  if (/^\s*(<!doctype|<html|\{"error)/i.test(head.toString('latin1', 0, 64)))
    return 'a web page or error message, not the weights; download it again';
  return null;
}

function translate(error: unknown, file: string): unknown {
  // Raised by the engine for Maps, arrays and buffers beyond its limits.
  if (
    error instanceof RangeError &&
    /maximum size|Invalid (array|typed array) length|allocation failed/.test(error.message)
  ) {
    return new TorchError(
      'CHECKPOINT_INVALID',
      `${file}: the checkpoint's structure is too large to read`,
      { file },
      { cause: error },
    );
  }
  if (!(error instanceof PickleError)) return error;
  const where = error.position >= 0 ? ` (byte ${error.position})` : '';
  if (error.refused !== undefined) {
    return new TorchError(
      'CHECKPOINT_REFUSED',
      `${file} is refused: it asks for ${error.message}${where}, which is not on the list of what weights consist of. Such a file can run any code when Python loads it. Ask for the weights as safetensors, or save only the state_dict with PyTorch`,
      { file, global: error.refused, position: error.position },
      { cause: error },
    );
  }
  return new TorchError(
    'CHECKPOINT_INVALID',
    `${file} is not a readable PyTorch checkpoint: ${error.message}${where}`,
    { file, reason: error.message, position: error.position },
    { cause: error },
  );
}
