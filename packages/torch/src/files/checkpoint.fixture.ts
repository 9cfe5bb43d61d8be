import { crc32 } from './crc32.js';

/** Hand-made checkpoints for tests: pickles assembled from opcodes, and the containers around them. */
export type Piece = Uint8Array | string;

/** Joins opcodes (latin1 text) and pieces. */
export const join = (...pieces: Piece[]): Buffer =>
  Buffer.concat(pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece)));

export const text = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return join('X', length, bytes);
};

export const integer = (value: number | bigint): Buffer => join(`L${value}L\n`);
export const tuple = (...items: Piece[]): Buffer => join('(', ...items, 't');
export const sizes = (values: readonly (number | bigint)[]): Buffer => tuple(...values.map(integer));
export const dict = (...items: Piece[]): Buffer => join('}(', ...items, 'u');

export interface TensorPlan {
  readonly key?: string;
  readonly type?: string;
  readonly elements?: number | bigint;
  readonly offset?: number | bigint;
  readonly shape?: readonly (number | bigint)[];
  readonly strides?: readonly (number | bigint)[];
  /** Offset and length of a view of the storage (older layout). */
  readonly view?: readonly [number, number];
}

/** A call of `_rebuild_tensor_v2` on a float32 storage of 4 elements, unless the plan says otherwise. */
export function rebuild(plan: TensorPlan = {}): Buffer {
  const {
    key = '0',
    type = 'FloatStorage',
    elements = 4,
    offset = 0,
    shape = [4],
    strides = [1],
    view,
  } = plan;
  const id = [text('storage'), `ctorch\n${type}\n`, text(key), text('cpu'), integer(elements)];
  if (view) id.push(tuple(text('view'), integer(view[0]), integer(view[1])));
  return join(
    'ctorch._utils\n_rebuild_tensor_v2\n',
    tuple(
      join(tuple(...id), 'Q'),
      integer(offset),
      sizes(shape),
      sizes(strides),
      '\x89',
      'ccollections\nOrderedDict\n)R',
    ),
    'R',
  );
}

export const pickle = (value: Piece): Buffer => join('\x80\x02', value, '.');

export interface Member {
  readonly name: string;
  readonly data: Uint8Array;
  readonly flags?: number;
  readonly method?: number;
  /** Points the directory at another offset. */
  readonly local?: number;
}

/** A zip archive of stored members. */
export function zip(members: readonly Member[], comment = ''): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, data, flags = 0, method = 0, local = at } of members) {
    const header = Buffer.alloc(30);
    header.writeUInt32LE(0x04034b50, 0);
    header.writeUInt16LE(Buffer.byteLength(name), 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(flags, 8);
    entry.writeUInt16LE(method, 10);
    entry.writeUInt32LE(crc32(data), 16);
    entry.writeUInt32LE(data.length, 20);
    entry.writeUInt32LE(data.length, 24);
    entry.writeUInt16LE(Buffer.byteLength(name), 28);
    entry.writeUInt32LE(local, 42);
    parts.push(header, Buffer.from(name), Buffer.from(data));
    directory.push(entry, Buffer.from(name));
    at += 30 + Buffer.byteLength(name) + data.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(at, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...parts, central, end, Buffer.from(comment)]);
}

/** Storage '0' of both layouts: 0, 1, 2, 3 as float32. */
export const STORAGE = Buffer.from(Float32Array.of(0, 1, 2, 3).buffer);

export const zipCheckpoint = (value: Piece, more: readonly Member[] = []): Buffer =>
  zip([{ name: 'a/data.pkl', data: pickle(value) }, { name: 'a/data/0', data: STORAGE }, ...more]);

export interface LegacyPlan {
  readonly keys?: Piece;
  readonly elements?: bigint;
  readonly protocol?: number;
  readonly storage?: Uint8Array;
}

export function legacyCheckpoint(value: Piece, plan: LegacyPlan = {}): Buffer {
  const { keys = join('](', text('0'), 'e'), elements = 4n, protocol = 1001, storage = STORAGE } = plan;
  const count = Buffer.alloc(8);
  count.writeBigInt64LE(elements);
  return join(
    pickle(integer(0x1950a86a20f9469cfc6cn)),
    pickle(integer(protocol)),
    pickle(dict(text('little_endian'), '\x88')),
    pickle(value),
    pickle(keys),
    count,
    storage,
  );
}
