import { TorchError } from '../errors.js';
import type { ByteSource } from './byte-source.js';
import { fileDType } from './file-dtype.js';
import { unpickle } from './pickle.js';
import { PickleCursor } from './pickle-cursor.js';
import { PickleError, PickleTuple } from './pickle-values.js';
import {
  makeStorageRef,
  malformed,
  resolveTorchGlobal,
  StorageGlobal,
  type StorageRef,
  toSize,
} from './torch-globals.js';
import { readZipDirectory, readZipRecord, verifyZipRecord } from './zip.js';

/** What the two layouts of PyTorch checkpoints have in common once opened. */
export interface TorchLayout {
  /** The unpickled top value. */
  readonly value: unknown;
  readonly bigEndian: boolean;
  /** Position of a storage's whole record in the file. */
  locate(storage: StorageRef): { begin: number; bytes: number };
  /** Compares a storage's checksum, if the layout has one. */
  verifyStorage(storage: StorageRef): void;
  /** A copy of a storage's whole record, as it is in the file. */
  readStorage(storage: StorageRef): Uint8Array;
}

// data.pkl of a large model takes a few megabytes; far larger ones are attacks on memory.
const MAX_PICKLE_BYTES = 128 * 2 ** 20;
const MAGIC = 0x1950a86a20f9469cfc6cn;
const LEGACY_PROTOCOL = 1001;

/** PyTorch ≥ 1.6: a zip archive of `<root>/data.pkl`, `<root>/data/<key>` and small notes. */
export function openZipLayout(source: ByteSource, verify: boolean): TorchLayout {
  const records = readZipDirectory(source);
  const pickles = [...records.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  const [pickleName] = pickles;
  if (pickleName === undefined || pickles.length > 1) {
    throw malformed(`it is a zip archive with ${pickles.length === 0 ? 'no' : 'several'} data.pkl inside`);
  }
  const root = pickleName.slice(0, -'/data.pkl'.length);
  if (records.has(`${root}/constants.pkl`)) {
    throw new TorchError(
      'CHECKPOINT_REFUSED',
      `${source.name} is refused: it is a TorchScript archive, which holds a program. Save only the state_dict with PyTorch`,
      { file: source.name, global: '__torch__' },
    );
  }
  const pickle = records.get(pickleName)!;
  if (pickle.size > MAX_PICKLE_BYTES) {
    throw malformed(`data.pkl takes ${pickle.size} bytes, at most ${MAX_PICKLE_BYTES} are read`);
  }
  readZipRecord(source, pickle, verify);
  const bigEndian = readByteOrder(source, records, root, verify);

  const locate = (storage: StorageRef): { begin: number; bytes: number } => {
    const bytes = recordBytes(storage);
    const record = records.get(`${root}/data/${storage.key}`);
    if (record === undefined) throw malformed(`the storage '${storage.key}' is missing`);
    if (!record.stored) throw malformed(`the storage '${storage.key}' is compressed`);
    if (record.size !== bytes) {
      throw malformed(`the storage '${storage.key}' has ${record.size} bytes, its description says ${bytes}`);
    }
    return { begin: record.begin, bytes };
  };
  const known = new StorageTable(source.size);
  const value = unpickle(new PickleCursor(source, pickle.begin, pickle.begin + pickle.size), {
    resolve: resolveTorchGlobal,
    persistentLoad: (id) => known.resolve(id),
  });
  for (const storage of known.values()) locate(storage);
  return {
    value,
    bigEndian,
    locate,
    verifyStorage(storage) {
      locate(storage);
      if (verify) verifyZipRecord(source, records.get(`${root}/data/${storage.key}`)!);
    },
    readStorage(storage) {
      locate(storage);
      return readZipRecord(source, records.get(`${root}/data/${storage.key}`)!, verify);
    },
  };
}

function readByteOrder(
  source: ByteSource,
  records: ReturnType<typeof readZipDirectory>,
  root: string,
  verify: boolean,
): boolean {
  const record = records.get(`${root}/byteorder`);
  if (record === undefined) return false; // PyTorch before 2.0 wrote none; practically all machines are little-endian.
  const order =
    record.size <= 16 ? Buffer.from(readZipRecord(source, record, verify)).toString('latin1') : '';
  if (order !== 'little' && order !== 'big') throw malformed("its byteorder is neither 'little' nor 'big'");
  return order === 'big';
}

/** PyTorch before 1.6: five pickles in a row (magic, protocol, system, data, storage keys), then the storages. */
export function openLegacyLayout(source: ByteSource): TorchLayout {
  const cursor = new PickleCursor(source, 0, source.size);
  const constants = { resolve: () => undefined };
  let magic: unknown;
  try {
    magic = unpickle(cursor, constants);
  } catch {
    // Any file may arrive here; an error about opcodes would only confuse.
  }
  if (magic !== MAGIC) {
    // A bare pickle gets the chance to be refused by the name of what it asks for.
    if (magic === undefined) refuseByName(source);
    throw malformed('it starts with neither a zip archive nor the mark of the older layout');
  }
  const protocol = unpickle(cursor, constants);
  if (protocol !== LEGACY_PROTOCOL)
    throw malformed(`its protocol is ${String(protocol)}, not ${LEGACY_PROTOCOL}`);
  const system = unpickle(cursor, constants);
  const bigEndian = system instanceof Map && system.get('little_endian') === false;

  const known = new StorageTable(source.size);
  const pickleEnd = Math.min(source.size, cursor.position + MAX_PICKLE_BYTES);
  const data = new PickleCursor(source, cursor.position, pickleEnd);
  const value = unpickle(data, { resolve: resolveTorchGlobal, persistentLoad: (id) => known.resolve(id) });
  const keysCursor = new PickleCursor(source, data.position);
  const keys = unpickle(keysCursor, constants);
  const places = legacyPlaces(source, keys, keysCursor.position, known);

  const locate = (storage: StorageRef): { begin: number; bytes: number } => {
    const begin = places.get(storage.key);
    if (begin === undefined) throw malformed(`the storage '${storage.key}' is missing`);
    return { begin, bytes: recordBytes(storage) };
  };
  for (const storage of known.values()) locate(storage);
  return {
    value,
    bigEndian,
    locate,
    verifyStorage() {},
    readStorage(storage) {
      const { begin, bytes } = locate(storage);
      return source.read(begin, bytes);
    },
  };
}

function refuseByName(source: ByteSource): void {
  try {
    unpickle(new PickleCursor(source, 0, Math.min(source.size, MAX_PICKLE_BYTES)), {
      resolve: resolveTorchGlobal,
    });
  } catch (error) {
    if (error instanceof PickleError && error.refused !== undefined) throw error;
  }
}

function legacyPlaces(
  source: ByteSource,
  keys: unknown,
  start: number,
  known: StorageTable,
): Map<string, number> {
  if (!Array.isArray(keys)) throw malformed('the list of storages is missing');
  const places = new Map<string, number>();
  let at = start;
  for (const key of keys) {
    const storage = typeof key === 'string' ? known.get(key) : undefined;
    if (storage === undefined)
      throw malformed(`a storage ${JSON.stringify(String(key)).slice(0, 60)} that no tensor uses`);
    if (places.has(storage.key)) throw malformed(`the storage '${storage.key}' occurs twice`);
    if (source.size - at < 8) throw malformed(`it ends before the storage '${storage.key}'`);
    const prefix = source.read(at, 8);
    const elements = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigInt64(0, true);
    if (elements !== BigInt(storage.recordElements)) {
      throw malformed(
        `the storage '${storage.key}' has ${elements} elements, its description says ${storage.recordElements}`,
      );
    }
    const bytes = recordBytes(storage);
    if (bytes > source.size - at - 8) {
      throw malformed(
        `the storage '${storage.key}' needs ${bytes} bytes, but the file ends after ${source.size - at - 8}`,
      );
    }
    places.set(storage.key, at + 8);
    at += 8 + bytes;
  }
  return places;
}

function recordBytes(storage: StorageRef): number {
  return storage.recordElements * (storage.dtype === null ? 1 : (fileDType(storage.dtype)?.size as number));
}

/** Storages by key. A key must mean the same type and length wherever it occurs. */
class StorageTable {
  readonly #storages = new Map<string, StorageRef>();

  constructor(private readonly fileSize: number) {}

  /** Answers ('storage', class, key, location, elements[, view]). */
  resolve(id: unknown): StorageRef {
    const parts = id instanceof PickleTuple ? id.items : [];
    const [kind, type, key, , elements, view] = parts;
    if (
      kind !== 'storage' ||
      !(type instanceof StorageGlobal) ||
      (typeof key !== 'string' && typeof key !== 'number')
    ) {
      throw malformed('a persistent id that is no storage');
    }
    const recordElements = toSize(`the length of storage '${key}'`, elements);
    const whole = { key: String(key), dtype: type.dtype, elements: recordElements, start: 0, recordElements };
    if (recordBytes(whole) > this.fileSize) {
      throw malformed(
        `the storage '${key}' claims ${recordBytes(whole)} bytes, the file has ${this.fileSize}`,
      );
    }
    const known = this.#storages.get(whole.key);
    if (known === undefined) this.#storages.set(whole.key, makeStorageRef(whole));
    else if (known.dtype !== whole.dtype || known.recordElements !== recordElements) {
      throw malformed(`the storage '${key}' is described in two ways`);
    }
    if (view === undefined || view === null) return this.#storages.get(whole.key)!;

    if (whole.dtype === null) throw malformed(`a view of the untyped storage '${key}'`);
    const [, start, length] = view instanceof PickleTuple ? view.items : [];
    const from = toSize(`the view of storage '${key}'`, start);
    const count = toSize(`the view of storage '${key}'`, length);
    if (from + count > recordElements) throw malformed(`a view reaches beyond the storage '${key}'`);
    return makeStorageRef({ ...whole, start: from, elements: count });
  }

  get(key: string): StorageRef | undefined {
    return this.#storages.get(key);
  }

  values(): Iterable<StorageRef> {
    return this.#storages.values();
  }
}
