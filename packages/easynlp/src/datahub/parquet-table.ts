import * as zlib from 'node:zlib';
import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type Compressors,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from 'hyparquet';
import { EasyNlpError } from '../errors/index.js';
import { type CellPlace, convertCell } from './cells.js';
import { headedColumns } from './tsv-table.js';
import type { Cell, Column, DataSource, Row } from './types.js';

/** Rows decoded at once: a row group, or a part of a very large one. */
const ROWS_AT_ONCE = 131_072;

/** Opens a Parquet file: the footer is read here, row groups one after another while rows are asked for. */
export async function parquetTable(
  path: string,
  options: { schema: readonly Column[] | undefined; columns: readonly string[] | undefined },
): Promise<DataSource> {
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file).catch((error: unknown) => {
    throw damaged(path, error);
  });
  const fields = parquetSchema(metadata).children.map((child) => child.element);
  const names = fields.map(({ name }) => name);
  const { selected } = headedColumns(names, options.schema, options.columns, { file: path });
  if (metadata.num_rows === 0n) throw new EasyNlpError('DATA_EMPTY', { file: path });
  const typed = new Map(options.schema?.map((column) => [column.name, column]));
  const columns = selected.map((column): Column => {
    const type = fields.find(({ name }) => name === column.name)?.type;
    if (typed.has(column.name)) return column;
    const native =
      type === 'INT32' || type === 'INT64' ? 'int' : type === 'FLOAT' || type === 'DOUBLE' ? 'float' : 'str';
    return { ...column, type: native };
  });
  return new ParquetTable(path, file, metadata, columns, typed);
}

class ParquetTable implements DataSource {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly #file: AsyncBuffer;
  readonly #metadata: FileMetaData;
  readonly #typed: ReadonlyMap<string, Column>;

  constructor(
    path: string,
    file: AsyncBuffer,
    metadata: FileMetaData,
    columns: readonly Column[],
    typed: ReadonlyMap<string, Column>,
  ) {
    this.name = path;
    this.columns = columns;
    this.#file = file;
    this.#metadata = metadata;
    this.#typed = typed;
  }

  async *rows(options: { start?: number; signal?: AbortSignal } = {}): AsyncGenerator<Row, void, undefined> {
    const start = options.start ?? 0;
    for (const [from, to] of this.#ranges()) {
      if (to <= start) continue;
      options.signal?.throwIfAborted();
      const rowStart = Math.max(from, start);
      const rows = await this.#read(rowStart, to);
      for (let i = 0; i < rows.length; i++) yield this.#row(rows[i]!, rowStart + i + 1);
    }
  }

  async count(): Promise<number> {
    return Number(this.#metadata.num_rows);
  }

  *#ranges(): Generator<[number, number]> {
    let at = 0;
    for (const group of this.#metadata.row_groups) {
      const end = at + Number(group.num_rows);
      for (; at < end; at = Math.min(end, at + ROWS_AT_ONCE)) yield [at, Math.min(end, at + ROWS_AT_ONCE)];
    }
  }

  async #read(rowStart: number, rowEnd: number): Promise<Record<string, unknown>[]> {
    try {
      return await parquetReadObjects({
        file: this.#file,
        metadata: this.#metadata,
        columns: this.columns.map(({ name }) => name),
        rowStart,
        rowEnd,
        compressors: COMPRESSORS,
      });
    } catch (error) {
      throw damaged(this.name, error);
    }
  }

  #row(values: Record<string, unknown>, line: number): Row {
    const place = { file: this.name, line, record: true };
    const cells: Record<string, Cell> = {};
    for (const { name } of this.columns) {
      const cell = toCell(values[name], name, place);
      const column = this.#typed.get(name);
      cells[name] = column ? convertCell(cell, column, place) : cell;
    }
    return { values: cells, file: this.name, line };
  }
}

/** hyparquet brings Snappy; these come with Node (Zstandard only from Node 22.15 on). */
const COMPRESSORS: Compressors = {
  GZIP: (input) => zlib.gunzipSync(input),
  BROTLI: (input) => zlib.brotliDecompressSync(input),
};
const { zstdDecompressSync } = zlib as { zstdDecompressSync?: (input: Uint8Array) => Uint8Array };
if (zstdDecompressSync) COMPRESSORS.ZSTD = (input) => zstdDecompressSync(input);

function toCell(value: unknown, column: string, place: CellPlace): Cell {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value === 'bigint') {
    const number = Number(value);
    if (Number.isSafeInteger(number)) return number;
    throw new EasyNlpError('DATA_CELL', {
      ...place,
      column,
      got: String(value),
      expected: 'an integer within ±(2^53 - 1)',
      hint: 'Store long identifiers as strings, or digits are lost.',
    });
  }
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) {
    throw new EasyNlpError('DATA_CELL', {
      ...place,
      column,
      got: `${value.length} bytes`,
      expected: 'text or a number',
    });
  }
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    const items = Array.from(value as ArrayLike<unknown>, (item) => toCell(item, column, place));
    if (items.every((item) => typeof item === 'string') || items.every((item) => typeof item === 'number')) {
      return items as string[] | number[];
    }
  }
  return JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? Number(item) : item));
}

function damaged(path: string, error: unknown): EasyNlpError {
  const reason = (error as Error).message;
  return new EasyNlpError(
    'DATA_ROW_MALFORMED',
    {
      file: path,
      reason: `not a readable Parquet file: ${reason}`,
      hint: /unsupported compression/i.test(reason)
        ? 'Write the file with Snappy, gzip, Brotli or no compression (Zstandard needs Node 22.15 or later).'
        : 'Write or download the file again.',
    },
    { cause: error },
  );
}
