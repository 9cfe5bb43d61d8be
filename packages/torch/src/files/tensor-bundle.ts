import { readFileSync } from 'node:fs';
import type { DType } from '../dtype.js';
import { TorchError } from '../errors.js';
import { Tensor } from '../tensor.js';
import { ioError } from './io-error.js';

/*
 * TensorFlow's checkpoints of version 2 ("tensor bundles"), without TensorFlow: `<prefix>.index` is a sorted string
 * table in LevelDB's format (blocks of keys that share prefixes), whose values are protocol buffers that say where in
 * `<prefix>.data-…` a tensor lies. Only numbers are read; strings, resources and partitioned variables are not.
 */

const MAGIC = 0xdb4775248b80fb57n;
const FOOTER = 48;
/** TensorFlow's numbers of types. */
const DTYPES: Readonly<Record<number, { dtype: DType; bytes: number }>> = {
  1: { dtype: 'float32', bytes: 4 },
  2: { dtype: 'float64', bytes: 8 },
  3: { dtype: 'int32', bytes: 4 },
  9: { dtype: 'int64', bytes: 8 },
};
const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  int64: BigInt64Array,
} as const;

interface Entry {
  readonly type: number;
  readonly shape: readonly number[];
  readonly shard: number;
  readonly offset: number;
  readonly size: number;
  readonly crc: number | null;
  readonly sliced: boolean;
}

let crcTable: Uint32Array | undefined;

/** CRC-32C (Castagnoli), as LevelDB masks it. */
function maskedCrc32c(bytes: Uint8Array): number {
  crcTable ??= Uint32Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0x82f63b78 ^ (c >>> 1) : c >>> 1;
    return c >>> 0;
  });
  let crc = 0xffffffff;
  for (const byte of bytes) crc = crcTable[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** Reads numbers of protocol buffers and blocks; never past the end. */
class Cursor {
  at = 0;
  constructor(
    readonly bytes: Uint8Array,
    private readonly fail: (reason: string) => never,
  ) {}
  get done(): boolean {
    return this.at >= this.bytes.length;
  }
  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 63; shift += 7) {
      if (this.done) return this.fail('it ends inside a number');
      const byte = this.bytes[this.at++]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return Number.isSafeInteger(value) ? value : this.fail('a number is too large');
    }
    return this.fail('a number is too long');
  }
  take(length: number): Uint8Array {
    if (length < 0 || this.at + length > this.bytes.length) this.fail('it ends inside a value');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
  fixed32(): number {
    const b = this.take(4);
    return (b[0]! | (b[1]! << 8) | (b[2]! << 16) | (b[3]! << 24)) >>> 0;
  }
}

/** The fields of a protocol buffer, by number. */
function* fieldsOf(
  cursor: Cursor,
  fail: (reason: string) => never,
): Generator<[number, number | Uint8Array]> {
  while (!cursor.done) {
    const tag = cursor.varint();
    const wire = tag & 7;
    if (wire === 0) yield [tag >>> 3, cursor.varint()];
    else if (wire === 1) yield [tag >>> 3, cursor.take(8)];
    else if (wire === 2) yield [tag >>> 3, cursor.take(cursor.varint())];
    else if (wire === 5) yield [tag >>> 3, cursor.fixed32()];
    else fail(`a field has the unknown wire type ${wire}`);
  }
}

/**
 * The tensors of a TensorFlow checkpoint by their names, checked against their checksums; tensors that are no numbers
 * are left out.
 *
 * @param prefix path without `.index`, for example `bert_model.ckpt`
 * @throws TorchError CHECKPOINT_INVALID (damaged, another format, or partitioned), IO_ERROR
 */
export function loadTensorBundle(prefix: string): Map<string, Tensor> {
  const path = `${prefix}.index`;
  const fail = (reason: string): never => {
    throw new TorchError('CHECKPOINT_INVALID', `${path} is not a TensorFlow checkpoint index: ${reason}`, {
      path,
    });
  };
  const entries = new Map<string, Entry>();
  let shards = 1;
  for (const [key, value] of tableOf(read(path), fail)) {
    if (key === '') {
      for (const [field, v] of fieldsOf(new Cursor(value, fail), fail)) {
        if (field === 1 && typeof v === 'number') shards = v;
        if (field === 2 && v !== 0) fail('its numbers are big-endian');
      }
    } else entries.set(key, entryOf(value, fail));
  }
  const data = new Map<number, Uint8Array>();
  const shardOf = (n: number): Uint8Array => {
    if (n >= shards) fail(`it names part ${n} of ${shards}`);
    const digits = (i: number) => String(i).padStart(5, '0');
    const bytes = data.get(n) ?? read(`${prefix}.data-${digits(n)}-of-${digits(shards)}`);
    data.set(n, bytes);
    return bytes;
  };
  const tensors = new Map<string, Tensor>();
  for (const [name, entry] of entries) {
    const kind = DTYPES[entry.type];
    if (!kind) continue;
    if (entry.sliced) fail(`the variable ${name} is partitioned, which is not supported`);
    const count = entry.shape.reduce((a, n) => a * n, 1);
    if (entry.size !== count * kind.bytes)
      fail(`${name} has ${entry.size} bytes, its shape asks for ${count * kind.bytes}`);
    const shard = shardOf(entry.shard);
    if (entry.offset + entry.size > shard.length) fail(`${name} lies beyond the end of its data file`);
    const bytes = new Uint8Array(shard.subarray(entry.offset, entry.offset + entry.size)); // a copy, aligned
    if (entry.crc !== null && maskedCrc32c(bytes) !== entry.crc)
      fail(`${name} is damaged: its checksum differs`);
    const array = new ARRAYS[kind.dtype as keyof typeof ARRAYS](bytes.buffer);
    tensors.set(name, Tensor.fromTypedArray(array, entry.shape, { dtype: kind.dtype }));
  }
  return tensors;
}

function read(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw ioError(error, { action: 'read', path });
  }
}

function entryOf(value: Uint8Array, fail: (reason: string) => never): Entry {
  const entry = {
    type: 0,
    shape: [] as number[],
    shard: 0,
    offset: 0,
    size: 0,
    crc: null as number | null,
    sliced: false,
  };
  for (const [field, v] of fieldsOf(new Cursor(value, fail), fail)) {
    if (typeof v === 'number') {
      if (field === 1) entry.type = v;
      else if (field === 3) entry.shard = v;
      else if (field === 4) entry.offset = v;
      else if (field === 5) entry.size = v;
      else if (field === 6) entry.crc = v;
    } else if (field === 2) {
      for (const [dimension, d] of fieldsOf(new Cursor(v, fail), fail)) {
        if (dimension !== 2 || typeof d === 'number') continue;
        let size = 0;
        for (const [f, n] of fieldsOf(new Cursor(d, fail), fail))
          if (f === 1 && typeof n === 'number') size = n;
        entry.shape.push(size);
      }
    } else if (field === 7) entry.sliced = true;
  }
  return entry;
}

/** Keys and values of a sorted string table, in order. */
function* tableOf(file: Uint8Array, fail: (reason: string) => never): Generator<[string, Uint8Array]> {
  if (file.length < FOOTER) fail('it is too short');
  const footer = file.subarray(file.length - FOOTER);
  const magic = new DataView(footer.buffer, footer.byteOffset + 40, 8).getBigUint64(0, true);
  if (magic !== MAGIC) fail('its last bytes are not those of the format');
  const handles = new Cursor(footer, fail);
  handles.varint();
  handles.varint(); // the meta index, which bundles leave empty
  const index = blockOf(file, handles.varint(), handles.varint(), fail);
  for (const [, handle] of index) {
    const place = new Cursor(handle, fail);
    yield* blockOf(file, place.varint(), place.varint(), fail);
  }
}

function* blockOf(
  file: Uint8Array,
  offset: number,
  size: number,
  fail: (reason: string) => never,
): Generator<[string, Uint8Array]> {
  if (offset + size + 5 > file.length || size < 4) fail('a block lies outside the file');
  const trailer = new Cursor(file.subarray(offset + size, offset + size + 5), fail);
  if (trailer.take(1)[0] !== 0) fail('its blocks are compressed, which is not supported');
  const crc = trailer.fixed32();
  if (maskedCrc32c(file.subarray(offset, offset + size + 1)) !== crc)
    fail('it is damaged: the checksum of a block differs');
  const block = file.subarray(offset, offset + size);
  const restarts = new DataView(block.buffer, block.byteOffset + size - 4, 4).getUint32(0, true);
  const end = size - 4 - 4 * restarts;
  if (end < 0) fail('a block is shorter than its table');
  const cursor = new Cursor(block.subarray(0, end), fail);
  let key = new Uint8Array(0);
  while (!cursor.done) {
    const [shared, own, length] = [cursor.varint(), cursor.varint(), cursor.varint()];
    if (shared > key.length) fail('a key shares more than its forerunner has');
    const rest = cursor.take(own);
    const next = new Uint8Array(shared + own);
    next.set(key.subarray(0, shared));
    next.set(rest, shared);
    key = next;
    yield [new TextDecoder().decode(key), cursor.take(length)];
  }
}
