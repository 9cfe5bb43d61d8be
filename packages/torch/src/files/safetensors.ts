import { TorchError } from '../errors.js';
import { type ByteSource, memorySource, openFileSource } from './byte-source.js';
import {
  parseSafetensorsHeader,
  type SafetensorsEntry,
  type SafetensorsHeader,
} from './safetensors-header.js';

/** Reads only the header of a safetensors file; see `parseSafetensorsHeader` for what is checked. */
export function readSafetensorsHeader(path: string): SafetensorsHeader {
  const source = openFileSource(path);
  try {
    return parseSafetensorsHeader(source);
  } finally {
    source.close();
  }
}

/**
 * A safetensors file, open for reading single tensors as bytes. Close it after use (or declare it with `using`).
 *
 * ```ts
 * using file = SafetensorsFile.open('model.safetensors');
 * for (const name of file.names) console.log(name, file.entry(name).shape);
 * ```
 */
export class SafetensorsFile implements Disposable {
  readonly path: string;
  readonly header: SafetensorsHeader;
  readonly #source: ByteSource;

  private constructor(source: ByteSource) {
    this.#source = source;
    this.path = source.name;
    this.header = parseSafetensorsHeader(source);
  }

  /** @throws TorchError IO_ERROR, or SAFETENSORS_INVALID if any check of the format fails. */
  static open(path: string): SafetensorsFile {
    const source = openFileSource(path);
    try {
      return new SafetensorsFile(source);
    } catch (error) {
      source.close();
      throw error;
    }
  }

  /** The same over a buffer; `label` stands for the path in messages. */
  static fromBytes(bytes: Uint8Array, label = '(memory)'): SafetensorsFile {
    return new SafetensorsFile(memorySource(bytes, label));
  }

  /** Tensor names in the order of the header. */
  get names(): string[] {
    return [...this.header.entries.keys()];
  }

  get metadata(): ReadonlyMap<string, string> {
    return this.header.metadata;
  }

  has(name: string): boolean {
    return this.header.entries.has(name);
  }

  /** @throws TorchError ARGUMENT_INVALID if there is no such tensor. */
  entry(name: string): SafetensorsEntry {
    const entry = this.header.entries.get(name);
    if (entry !== undefined) return entry;
    throw new TorchError(
      'ARGUMENT_INVALID',
      `${this.path} has no tensor '${name}'; it has ${this.header.entries.size}, among them ${this.names.slice(0, 5).join(', ') || 'none'}`,
      { file: this.path, tensor: name },
    );
  }

  /** The tensor's little-endian, row-major bytes, in a buffer of their own. */
  readBytes(name: string): Uint8Array {
    const { begin, end } = this.entry(name);
    return this.#source.read(this.header.dataStart + begin, end - begin);
  }

  /** Whether the path still names the file that was opened, at its size then. */
  isCurrent(): boolean {
    return this.#source.isCurrent();
  }

  close(): void {
    this.#source.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
