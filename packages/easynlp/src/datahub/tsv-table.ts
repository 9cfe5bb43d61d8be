import { EasyNlpError } from '../errors/index.js';
import { parseCell } from './cells.js';
import { checkHeader, requireColumns } from './columns.js';
import { readLines } from './line-reader.js';
import { LineTable } from './line-table.js';
import type { Cell, Column, DataSource, Row } from './types.js';

/** EasyNLP's table: no header, columns separated by TAB and nothing else (no quoting). */
export function easynlpTable(
  path: string,
  schema: readonly Column[],
  options: { skipFirstLine: boolean; columns: readonly string[] | undefined },
): DataSource {
  const names = schema.map(({ name }) => name);
  if (options.columns) requireColumns(options.columns, names, { file: path });
  return new LineTable({
    path,
    columns: pick(schema, options.columns),
    skipLines: options.skipFirstLine ? 1 : 0,
    blankIsRow: true,
    parse: rowParser(path, schema, options.columns, (line) => line.split('\t')),
  });
}

/** A TSV file whose first line names the columns. */
export async function headedTsvTable(
  path: string,
  options: {
    schema: readonly Column[] | undefined;
    columns: readonly string[] | undefined;
    quotes: 'auto' | 'none';
  },
): Promise<DataSource> {
  const split = options.quotes === 'none' ? (line: string) => line.split('\t') : splitTsv;
  const header = await firstLine(path);
  const names = split(header.text).map((name) => name.trim());
  const columns = headedColumns(names, options.schema, options.columns, { file: path, line: header.line });
  return new LineTable({
    path,
    columns: columns.selected,
    skipLines: header.line,
    blankIsRow: false,
    parse: rowParser(
      path,
      columns.all,
      columns.selected.map(({ name }) => name),
      split,
    ),
  });
}

/** The columns that a header and an optional schema (types by name, a selection) describe. */
export function headedColumns(
  names: readonly string[],
  schema: readonly Column[] | undefined,
  wanted: readonly string[] | undefined,
  place: { file: string; line?: number },
): { all: Column[]; selected: readonly Column[] } {
  checkHeader(names, place);
  if (schema) {
    requireColumns(
      schema.map(({ name }) => name),
      names,
      place,
    );
  }
  const all = names.map(
    (name): Column => schema?.find((column) => column.name === name) ?? { name, type: 'str', length: 1 },
  );
  const selection = wanted ?? schema?.map(({ name }) => name);
  if (selection) requireColumns(selection, names, place);
  return { all, selected: pick(all, selection) };
}

/** Columns in the file's order, only those selected. */
export function pick(
  columns: readonly Column[],
  selection: readonly string[] | undefined,
): readonly Column[] {
  return selection ? columns.filter(({ name }) => selection.includes(name)) : columns;
}

/** Makes a row of a line's cells; the same for TSV and CSV. */
export function rowBuilder(
  path: string,
  all: readonly Column[],
  selection: readonly string[] | undefined,
): (cells: readonly string[], line: number, content: string | undefined) => Row {
  const used = all.map((column) => selection === undefined || selection.includes(column.name));
  return (cells, line, content) => {
    if (cells.length !== all.length) {
      throw new EasyNlpError('DATA_COLUMN_COUNT', {
        file: path,
        line,
        got: cells.length,
        expected: all.length,
        columns: all.map(({ name }) => name),
        content: content ?? cells.join(' | '),
      });
    }
    const values: Record<string, Cell> = {};
    const place = { file: path, line };
    for (let i = 0; i < all.length; i++) {
      if (used[i]) values[all[i]!.name] = parseCell(cells[i]!, all[i]!, place);
    }
    return { values, file: path, line };
  };
}

function rowParser(
  path: string,
  all: readonly Column[],
  selection: readonly string[] | undefined,
  split: (line: string) => string[],
): (line: string, number: number) => Row {
  const build = rowBuilder(path, all, selection);
  return (line, number) => build(split(line), number, line);
}

const QUOTED = /"((?:[^"]|"")*)"(?=\t|$)/y;

/**
 * Cells of one TSV line. A cell is unquoted only when it is properly quoted from TAB to TAB; any other quote
 * is text. So a review that merely begins with a quotation mark is kept as it is, and an unclosed quote can
 * never swallow the lines that follow.
 */
export function splitTsv(line: string): string[] {
  if (!line.includes('"')) return line.split('\t');
  const cells: string[] = [];
  for (let at = 0; at <= line.length; ) {
    QUOTED.lastIndex = at;
    const quoted = line[at] === '"' ? QUOTED.exec(line) : null;
    if (quoted) {
      cells.push(quoted[1]!.replaceAll('""', '"'));
      at = QUOTED.lastIndex + 1;
    } else {
      const tab = line.indexOf('\t', at);
      const end = tab === -1 ? line.length : tab;
      cells.push(line.slice(at, end));
      at = end + 1;
    }
  }
  return cells;
}

/** The first line that is not empty. */
async function firstLine(path: string): Promise<{ text: string; line: number }> {
  for await (const block of readLines(path)) {
    const index = block.lines.findIndex((line) => line.trim() !== '');
    if (index !== -1) return { text: block.lines[index]!, line: block.first + index };
  }
  throw new EasyNlpError('DATA_EMPTY', { file: path, reason: 'it holds empty lines only' });
}
