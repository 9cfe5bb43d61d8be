import { EasyNlpError } from '../errors/index.js';
import { requireColumns } from './columns.js';
import { readLines } from './line-reader.js';
import type { Cell, Column, DataSource, Row } from './types.js';

/** Longest sentence: a file without empty lines would otherwise be collected in memory. */
const LONGEST = 1_000_000;

/** The cells of a line: separated by TAB where it has one, else by spaces. A token may then be a wide space. */
export function conllCells(line: string): string[] {
  if (line.includes('\t')) return line.split('\t');
  return line.split(/ +/).filter((cell) => cell !== '');
}

/** An empty line ends a sentence. */
export const isSentenceEnd = (line: string): boolean =>
  /^[ \t]*$/.test(line) || line.startsWith('-DOCSTART-');

/**
 * CoNLL's columns: a token a line with its tag in the last column, an empty line after each sentence. Every sentence is
 * a row whose columns hold lists: `tokens` and `tags` unless a schema names all of them (between the two,
 * `column2` …). A file with a single column has tokens only.
 */
export async function conllTable(
  path: string,
  options: { schema: readonly Column[] | undefined; columns: readonly string[] | undefined },
): Promise<DataSource> {
  const first = await firstToken(path);
  const width = conllCells(first.line).length;
  const names = namesOf(width, options.schema, { file: path, line: first.number });
  if (options.columns) requireColumns(options.columns, names, { file: path });
  const wanted = options.columns ?? names;
  return new ConllTable(path, names, wanted);
}

function namesOf(
  width: number,
  schema: readonly Column[] | undefined,
  place: { file: string; line: number },
): string[] {
  if (schema) {
    const names = schema.map(({ name }) => name);
    if (names.length === width) return names;
    throw new EasyNlpError('DATA_COLUMN_COUNT', {
      ...place,
      got: width,
      expected: names.length,
      columns: names,
      content: '',
      hint: 'The schema must name every column of the lines: the token, its tag, and what stands between them.',
    });
  }
  if (width === 1) return ['tokens'];
  return ['tokens', ...Array.from({ length: width - 2 }, (_, i) => `column${i + 2}`), 'tags'];
}

class ConllTable implements DataSource {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly #names: readonly string[];
  #count: Promise<number> | undefined;

  constructor(path: string, names: readonly string[], wanted: readonly string[]) {
    this.name = path;
    this.#names = names;
    this.columns = wanted.map((name) => ({ name, type: 'str', length: 1 }));
  }

  async *rows(options: { start?: number; signal?: AbortSignal } = {}): AsyncGenerator<Row, void, undefined> {
    const file = this.name;
    const names = this.#names;
    const wanted = new Set(this.columns.map(({ name }) => name));
    let skip = options.start ?? 0;
    let lists: string[][] | null = null;
    let line = 0;
    let size = 0;
    const row = (): Row => {
      const values: Record<string, Cell> = {};
      for (const [i, name] of names.entries()) if (wanted.has(name)) values[name] = lists![i]!;
      return { values, file, line, itemLines: true };
    };
    for await (const block of readLines(file, { blankIsRow: true, signal: options.signal })) {
      for (const [i, text] of block.lines.entries()) {
        const number = block.first + i;
        if (isSentenceEnd(text)) {
          if (size > 0 && skip > 0) skip--;
          else if (size > 0) yield row();
          lists = null;
          size = 0;
          continue;
        }
        if (++size > LONGEST) throw tooLong(file, number);
        if (skip > 0) continue;
        if (lists === null) {
          lists = names.map(() => []);
          line = number;
        }
        const cells = conllCells(text);
        if (cells.length !== names.length) throw wrongCount(file, number, cells.length, names, text);
        if (cells[0] === '') throw noToken(file, number);
        for (let c = 0; c < cells.length; c++) lists[c]!.push(cells[c]!);
      }
    }
    if (size > 0 && skip === 0) yield row();
  }

  count(): Promise<number> {
    this.#count ??= this.#sentences();
    this.#count.catch(() => {
      this.#count = undefined;
    });
    return this.#count;
  }

  async #sentences(): Promise<number> {
    let count = 0;
    let inside = false;
    for await (const block of readLines(this.name, { blankIsRow: true })) {
      for (const line of block.lines) {
        const end = isSentenceEnd(line);
        if (!end && !inside) count++;
        inside = !end;
      }
    }
    return count;
  }
}

async function firstToken(path: string): Promise<{ line: string; number: number }> {
  for await (const block of readLines(path, { blankIsRow: true })) {
    const index = block.lines.findIndex((line) => !isSentenceEnd(line));
    if (index !== -1) return { line: block.lines[index]!, number: block.first + index };
  }
  throw new EasyNlpError('DATA_EMPTY', { file: path, reason: 'it holds empty lines only' });
}

function wrongCount(file: string, line: number, got: number, names: readonly string[], content: string) {
  return new EasyNlpError('DATA_COLUMN_COUNT', {
    file,
    line,
    got,
    expected: names.length,
    columns: names,
    content,
    hint: 'Each line holds a token and its tag, separated by TAB or spaces; an empty line ends a sentence.',
  });
}

const noToken = (file: string, line: number) =>
  new EasyNlpError('DATA_ROW_MALFORMED', {
    file,
    line,
    column: 'tokens',
    reason: 'the token is empty',
    hint: 'Remove the line: a tag needs a token.',
  });

const tooLong = (file: string, line: number) =>
  new EasyNlpError('DATA_ROW_MALFORMED', {
    file,
    line,
    reason: `a sentence of more than ${LONGEST.toLocaleString('en-US')} tokens`,
    hint: 'An empty line must end every sentence.',
  });
