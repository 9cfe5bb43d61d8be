import { pipeline, Readable } from 'node:stream';
import { CsvError, type Info, parse } from 'csv-parse';
import { EasyNlpError } from '../errors/index.js';
import { validLines } from './line-reader.js';
import { headedColumns, rowBuilder } from './tsv-table.js';
import type { Column, DataSource, Row } from './types.js';

interface CsvRecord {
  readonly cells: string[];
  /** Line on which the record begins. */
  readonly line: number;
}

/** A record beyond this is an unclosed quote that would collect the rest of the file. */
const LONGEST_RECORD = 16 * 1024 * 1024;

/** CSV with a header after RFC 4180 (quotes, doubled quotes, line ends in cells), or TSV with such quoting. */
export async function csvTable(
  path: string,
  options: {
    schema: readonly Column[] | undefined;
    columns: readonly string[] | undefined;
    delimiter: ',' | '\t';
  },
): Promise<DataSource> {
  const header = await firstRecord(path, options.delimiter);
  const names = header.cells.map((name) => name.trim());
  const columns = headedColumns(names, options.schema, options.columns, { file: path, line: header.line });
  return new CsvTable(path, columns.all, columns.selected, options.delimiter);
}

class CsvTable implements DataSource {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly #all: readonly Column[];
  readonly #delimiter: string;
  #count: Promise<number> | undefined;

  constructor(path: string, all: readonly Column[], selected: readonly Column[], delimiter: string) {
    this.name = path;
    this.columns = selected;
    this.#all = all;
    this.#delimiter = delimiter;
  }

  async *rows(options: { start?: number; signal?: AbortSignal } = {}): AsyncGenerator<Row, void, undefined> {
    const selection = this.columns.map(({ name }) => name);
    const build = rowBuilder(this.name, this.#all, selection);
    const start = options.start ?? 0;
    let index = -1; // the header
    for await (const { cells, line } of records(this.name, this.#delimiter, options.signal)) {
      if (index >= start) yield build(cells, line, undefined);
      index++;
    }
    if (index === 0) {
      throw new EasyNlpError('DATA_EMPTY', { file: this.name, reason: 'nothing follows its header' });
    }
  }

  count(): Promise<number> {
    this.#count ??= this.#countRecords();
    this.#count.catch(() => {
      this.#count = undefined;
    });
    return this.#count;
  }

  async #countRecords(): Promise<number> {
    let rows = -1;
    for await (const _ of records(this.name, this.#delimiter)) rows++;
    return Math.max(0, rows);
  }
}

async function firstRecord(path: string, delimiter: string): Promise<CsvRecord> {
  for await (const record of records(path, delimiter)) return record;
  throw new EasyNlpError('DATA_EMPTY', { file: path, reason: 'it holds empty lines only' });
}

async function* records(
  path: string,
  delimiter: string,
  signal?: AbortSignal,
): AsyncGenerator<CsvRecord, void, undefined> {
  const parser = parse({
    delimiter,
    record_delimiter: ['\r\n', '\n'],
    info: true,
    relax_column_count: true, // counted later, where the columns' names are known
    skip_empty_lines: true,
    max_record_size: LONGEST_RECORD,
  });
  // Objects on both sides of the parser would be buffered by count; the source yields blocks of bytes.
  const source = Readable.from(validLines(path, signal), { objectMode: true, highWaterMark: 2 });
  pipeline(source, parser, () => {}); // its errors reach the loop below
  // The parser tells the line on which a record ends, and counts CR LF inside of cells twice.
  let returns = 0;
  try {
    for await (const entry of parser as AsyncIterable<{ info: Info; record: string[] }>) {
      for (const cell of entry.record) returns += occurrences(cell, '\r');
      const inside = entry.record.reduce((sum, cell) => sum + occurrences(cell, '\n'), 0);
      yield { cells: entry.record, line: entry.info.lines - returns - inside };
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const unclosed = error.code === 'CSV_QUOTE_NOT_CLOSED' || error.code === 'CSV_MAX_RECORD_SIZE';
    throw new EasyNlpError(
      'DATA_ROW_MALFORMED',
      {
        file: path,
        line: Number(error.lines) - returns,
        reason: unclosed
          ? 'a quote is opened but not closed before this line'
          : `wrong quoting: ${error.message}`,
        hint: 'A cell that holds a quote is written in quotes with that quote doubled: "say ""hi""".',
      },
      { cause: error },
    );
  } finally {
    parser.destroy();
  }
}

function occurrences(text: string, character: string): number {
  let count = 0;
  for (let at = text.indexOf(character); at !== -1; at = text.indexOf(character, at + 1)) count++;
  return count;
}
