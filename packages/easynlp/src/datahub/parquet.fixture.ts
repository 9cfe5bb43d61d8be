import { brotliCompressSync, gzipSync } from 'node:zlib';

/** Enough of Parquet's format to test the reader: flat columns, plain encoding, several row groups. */
export interface ParquetColumn {
  readonly name: string;
  readonly type: 'string' | 'bytes' | 'int64' | 'double' | 'boolean';
  readonly values: readonly (string | number | bigint | boolean | null)[];
}

const TYPES = { boolean: 0, int64: 2, double: 5, string: 6, bytes: 6 };
const CODECS = { none: 0, gzip: 2, lzo: 3, brotli: 4 };

export function writeParquet(
  columns: readonly ParquetColumn[],
  options: { groupRows?: number; codec?: keyof typeof CODECS } = {},
): Buffer {
  const codec = options.codec ?? 'none';
  const total = columns[0]!.values.length;
  const step = options.groupRows ?? Math.max(1, total);
  const parts: Buffer[] = [Buffer.from('PAR1')];
  let offset = 4;
  const groups: Field[][] = [];
  for (let from = 0; from < total; from += step) {
    const chunks: Field[][] = [];
    for (const column of columns) {
      const values = column.values.slice(from, from + step);
      const page = Buffer.concat([definitionLevels(values), plain(column, values)]);
      const packed = codec === 'gzip' ? gzipSync(page) : codec === 'brotli' ? brotliCompressSync(page) : page;
      const header = struct([
        [1, 'i32', 0],
        [2, 'i32', page.length],
        [3, 'i32', packed.length],
        [
          5,
          'struct',
          [
            [1, 'i32', values.length],
            [2, 'i32', 0],
            [3, 'i32', 3],
            [4, 'i32', 3],
          ],
        ],
      ]);
      chunks.push([
        [2, 'i64', offset],
        [
          3,
          'struct',
          [
            [1, 'i32', TYPES[column.type]],
            [2, 'list-i32', [0, 3]],
            [3, 'list-binary', [column.name]],
            [4, 'i32', CODECS[codec]],
            [5, 'i64', values.length],
            [6, 'i64', header.length + page.length],
            [7, 'i64', header.length + packed.length],
            [9, 'i64', offset],
          ],
        ],
      ]);
      parts.push(header, packed);
      offset += header.length + packed.length;
    }
    groups.push([
      [1, 'list-struct', chunks],
      [2, 'i64', offset],
      [3, 'i64', Math.min(step, total - from)],
    ]);
  }
  const schema: Field[][] = [
    [
      [4, 'binary', 'schema'],
      [5, 'i32', columns.length],
    ],
    ...columns.map((column): Field[] => [
      [1, 'i32', TYPES[column.type]],
      [3, 'i32', 1],
      [4, 'binary', column.name],
      ...(column.type === 'string' ? [[6, 'i32', 0] as Field] : []),
      // Without a converted type a byte array is binary; DECIMAL and others are not needed here.
    ]),
  ];
  const footer = struct([
    [1, 'i32', 1],
    [2, 'list-struct', schema],
    [3, 'i64', total],
    [4, 'list-struct', groups],
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  return Buffer.concat([...parts, footer, length, Buffer.from('PAR1')]);
}

/** One bit a value in groups of eight, with the length in front. */
function definitionLevels(values: readonly unknown[]): Buffer {
  const groups = Math.ceil(values.length / 8);
  const bits = Buffer.alloc(groups);
  for (const [i, value] of values.entries()) if (value !== null) bits[i >> 3]! |= 1 << (i & 7);
  const run = Buffer.concat([varint(BigInt((groups << 1) | 1)), bits]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(run.length);
  return Buffer.concat([length, run]);
}

function plain(column: ParquetColumn, values: ParquetColumn['values']): Buffer {
  const present = values.filter((value) => value !== null);
  if (column.type === 'boolean') {
    const bits = Buffer.alloc(Math.ceil(present.length / 8));
    for (const [i, value] of present.entries()) if (value) bits[i >> 3]! |= 1 << (i & 7);
    return bits;
  }
  return Buffer.concat(
    present.map((value) => {
      if (column.type === 'int64' || column.type === 'double') {
        const bytes = Buffer.alloc(8);
        if (column.type === 'double') bytes.writeDoubleLE(Number(value));
        else bytes.writeBigInt64LE(BigInt(value));
        return bytes;
      }
      const text = Buffer.from(String(value), 'utf8');
      const length = Buffer.alloc(4);
      length.writeUInt32LE(text.length);
      return Buffer.concat([length, text]);
    }),
  );
}

/** Thrift's compact protocol. */
type Field =
  | [number, 'i32' | 'i64', number]
  | [number, 'binary', string]
  | [number, 'struct', Field[]]
  | [number, 'list-i32', number[]]
  | [number, 'list-binary', string[]]
  | [number, 'list-struct', Field[][]];

function struct(fields: readonly Field[]): Buffer {
  const parts: Buffer[] = [];
  let last = 0;
  for (const [id, kind, value] of fields) {
    const type = kind === 'i32' ? 5 : kind === 'i64' ? 6 : kind === 'binary' ? 8 : kind === 'struct' ? 12 : 9;
    parts.push(Buffer.from([((id - last) << 4) | type]));
    last = id;
    if (kind === 'i32' || kind === 'i64') parts.push(zigzag(value));
    else if (kind === 'binary') parts.push(binary(value));
    else if (kind === 'struct') parts.push(struct(value));
    else if (kind === 'list-i32') parts.push(list(5, value.map(zigzag)));
    else if (kind === 'list-binary') parts.push(list(8, value.map(binary)));
    else parts.push(list(12, value.map(struct)));
  }
  return Buffer.concat([...parts, Buffer.from([0])]);
}

function list(type: number, items: Buffer[]): Buffer {
  const header =
    items.length < 15
      ? Buffer.from([(items.length << 4) | type])
      : Buffer.concat([Buffer.from([0xf0 | type]), varint(BigInt(items.length))]);
  return Buffer.concat([header, ...items]);
}

function binary(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  return Buffer.concat([varint(BigInt(bytes.length)), bytes]);
}

function zigzag(value: number): Buffer {
  const big = BigInt(value);
  return varint(big >= 0n ? big * 2n : -big * 2n - 1n);
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}
