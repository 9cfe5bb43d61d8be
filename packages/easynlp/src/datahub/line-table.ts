import { EasyNlpError } from '../errors/index.js';
import { countLines, readLines } from './line-reader.js';
import type { Column, DataSource, Row } from './types.js';

export interface LineTableOptions {
  readonly path: string;
  readonly columns: readonly Column[] | null;
  /** Lines before the first row (a header, or EasyNLP's `skip_first_line`). */
  readonly skipLines: number;
  /** Whether an empty line is a row (headerless tables) or is passed over (tables with a header, JSON Lines). */
  readonly blankIsRow: boolean;
  readonly parse: (line: string, number: number) => Row;
}

/** A table with one row a line. */
export class LineTable implements DataSource {
  readonly name: string;
  readonly columns: readonly Column[] | null;
  readonly #options: LineTableOptions;
  #count: Promise<number> | undefined;

  constructor(options: LineTableOptions) {
    this.name = options.path;
    this.columns = options.columns;
    this.#options = options;
  }

  async *rows(options: { start?: number; signal?: AbortSignal } = {}): AsyncGenerator<Row, void, undefined> {
    const { path, skipLines, blankIsRow, parse } = this.#options;
    const start = options.start ?? 0;
    let rows = 0;
    for await (const block of readLines(path, {
      skipLines,
      blankIsRow,
      skipRows: start,
      signal: options.signal,
    })) {
      for (let i = 0; i < block.lines.length; i++) {
        const line = block.lines[i]!;
        if (line === '' && !blankIsRow) continue;
        rows++;
        yield parse(line, block.first + i);
      }
    }
    if (rows === 0 && start === 0) {
      const reason = skipLines > 0 ? 'nothing follows its first line' : 'it holds empty lines only';
      throw new EasyNlpError('DATA_EMPTY', { file: path, reason });
    }
  }

  count(): Promise<number> {
    const { path, skipLines, blankIsRow } = this.#options;
    this.#count ??= countLines(path, { skipLines, blankIsRow });
    this.#count.catch(() => {
      this.#count = undefined;
    });
    return this.#count;
  }
}
