import { TorchError } from '../errors.js';
import { writeFileAtomic } from './atomic.js';
import { elementCount, type FileDType, fileDType, fileDTypeOrder, showShape } from './file-dtype.js';
import { MAX_HEADER_BYTES } from './safetensors-header.js';

/** One tensor to write: little-endian, row-major bytes, or a function that makes them when their turn comes. */
export interface SafetensorsInput {
  readonly dtype: FileDType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array | (() => Uint8Array);
}

interface Planned {
  readonly name: string;
  readonly size: number;
  readonly bytes: Uint8Array | (() => Uint8Array);
}

const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Writes a safetensors file atomically (see `writeFileAtomic`). The layout is that of the reference writer: larger
 * element types first, then by name, and a header padded to 8 bytes, so that every tensor is aligned in a mapping
 * and equal content gives equal files.
 *
 * @throws TorchError ARGUMENT_INVALID if a tensor's bytes do not fit its shape; IO_ERROR if writing fails.
 */
export function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, SafetensorsInput>,
  metadata: ReadonlyMap<string, string> | Readonly<Record<string, string>> = {},
): void {
  const { head, plan, total } = planSafetensors(tensors, metadata);
  writeFileAtomic(path, chunks(head, plan), total);
}

/** The same file as a buffer. */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, SafetensorsInput>,
  metadata: ReadonlyMap<string, string> | Readonly<Record<string, string>> = {},
): Uint8Array {
  const { head, plan } = planSafetensors(tensors, metadata);
  return new Uint8Array(Buffer.concat([...chunks(head, plan)]));
}

function* chunks(head: Uint8Array, plan: readonly Planned[]): Generator<Uint8Array> {
  yield head;
  for (const { name, size, bytes } of plan) {
    const data = typeof bytes === 'function' ? bytes() : bytes;
    if (data.byteLength !== size) throw wrongSize(name, data.byteLength, size);
    if (size > 0) yield data;
  }
}

function planSafetensors(
  tensors: ReadonlyMap<string, SafetensorsInput>,
  metadata: ReadonlyMap<string, string> | Readonly<Record<string, string>>,
): { head: Uint8Array; plan: Planned[]; total: number } {
  const sorted = [...tensors].sort(
    ([nameA, a], [nameB, b]) =>
      fileDTypeOrder(b.dtype) - fileDTypeOrder(a.dtype) ||
      Buffer.compare(Buffer.from(nameA), Buffer.from(nameB)),
  );
  // Assembled from text rather than as an object: a plain object would lose the order of names such as "0".
  const fields: string[] = [];
  const notes = metadata instanceof Map ? [...metadata] : Object.entries(metadata);
  if (notes.length > 0) {
    notes.sort(([a], [b]) => (a < b ? -1 : 1));
    fields.push(`"__metadata__":{${notes.map(([key, text]) => `${quote(key)}:${quote(text)}`).join(',')}}`);
  }
  const plan: Planned[] = [];
  let offset = 0;
  for (const [name, { dtype, shape, bytes }] of sorted) {
    const info = fileDType(dtype);
    if (name === '__metadata__') throw invalid(name, 'this name is reserved by the format');
    if (info?.safetensors == null) throw invalid(name, `safetensors has no type for dtype '${dtype}'`);
    const count = elementCount(shape);
    if (count === null || !Number.isSafeInteger(offset + count * info.size)) {
      throw invalid(name, `shape ${showShape(shape)} is not a list of sizes, or too large`);
    }
    const size = count * info.size;
    if (typeof bytes !== 'function' && bytes.byteLength !== size)
      throw wrongSize(name, bytes.byteLength, size);
    fields.push(
      `${quote(name)}:{"dtype":"${info.safetensors}","shape":[${shape}],"data_offsets":[${offset},${offset + size}]}`,
    );
    plan.push({ name, size, bytes });
    offset += size;
  }
  const json = Buffer.from(`{${fields.join(',')}}`);
  const padded = Math.ceil(json.length / 8) * 8;
  if (padded > MAX_HEADER_BYTES) {
    throw new TorchError(
      'ARGUMENT_INVALID',
      `the safetensors header would take ${padded} bytes, the format allows ${MAX_HEADER_BYTES}: shorten names or metadata`,
    );
  }
  const head = new Uint8Array(8 + padded).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(padded), true);
  head.set(json, 8);
  return { head, plan, total: head.byteLength + offset };
}

function quote(text: unknown): string {
  if (typeof text !== 'string') {
    throw new TorchError('ARGUMENT_INVALID', `safetensors metadata must be strings, got ${typeof text}`);
  }
  if (LONE_SURROGATE.test(text)) {
    throw new TorchError(
      'ARGUMENT_INVALID',
      `${JSON.stringify(text)} has a lone surrogate and cannot be written as UTF-8`,
    );
  }
  return JSON.stringify(text);
}

function invalid(tensor: string, reason: string): TorchError {
  return new TorchError('ARGUMENT_INVALID', `cannot write tensor '${tensor}': ${reason}`, { tensor, reason });
}

function wrongSize(tensor: string, got: number, expected: number): TorchError {
  return invalid(tensor, `got ${got} bytes, dtype and shape take ${expected}`);
}
