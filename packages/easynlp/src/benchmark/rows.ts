import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { openTable, type Row } from '../datahub/index.js';
import { EasyNlpError } from '../errors/index.js';
import { nearest } from '../util/index.js';

/** A missing file with a suggestion of what lies beside it. */
export function requireFile(path: string): string {
  if (existsSync(path)) return path;
  const folder = dirname(path);
  const names = existsSync(folder) ? readdirSync(folder) : [];
  throw new EasyNlpError('DATA_FILE_NOT_FOUND', {
    file: path,
    suggestion: nearest(basename(path), names) ?? undefined,
  });
}

/** All rows of a benchmark's JSON Lines file; objects inside of them have dotted names. */
export async function readJsonRows(path: string): Promise<Row[]> {
  requireFile(path);
  return collect(await openTable(path, { format: 'jsonl' }), path);
}

/** All questions of a JSON document in the layout of SQuAD, CMRC 2018 or DRCD. */
export async function readSquadRows(path: string): Promise<Row[]> {
  requireFile(path);
  return collect(await openTable(path, { format: 'squad' }), path);
}

/** All rows of a TSV file with a header, quotes being text. */
export async function readTsvRows(path: string): Promise<Row[]> {
  requireFile(path);
  return collect(await openTable(path, { format: 'tsv', quotes: 'none' }), path);
}

async function collect(source: { rows(): AsyncIterable<Row> }, file: string): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const row of source.rows()) rows.push(row);
  if (rows.length === 0) throw new EasyNlpError('DATA_EMPTY', { file });
  return rows;
}

function cellOf(row: Row, column: string): unknown {
  const value = row.values[column];
  if (value !== undefined) return value;
  throw new EasyNlpError('DATA_COLUMN_UNKNOWN', {
    file: row.file,
    line: row.line,
    column,
    known: Object.keys(row.values),
    suggestion: nearest(column, Object.keys(row.values)),
  });
}

function wrong(row: Row, column: string, expected: string): EasyNlpError {
  return new EasyNlpError('DATA_CELL', {
    file: row.file,
    line: row.line,
    column,
    got: row.values[column],
    expected,
    hint: 'Use the files of the benchmark as they were published.',
  });
}

/** A field that must hold text; some published rows have an empty one. Line ends and tabs become spaces. */
export function textField(row: Row, column: string): string {
  const value = cellOf(row, column);
  if (typeof value !== 'string') throw wrong(row, column, 'a text');
  return value.replace(/\s+/g, ' ').trim();
}

export function wholeField(row: Row, column: string, most = Number.MAX_SAFE_INTEGER): number {
  const value = cellOf(row, column);
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most) return value;
  throw wrong(row, column, most < 1e9 ? `a whole number from 0 to ${most}` : 'a whole number, 0 or more');
}

/** A field that must be a list of texts. */
export function listField(row: Row, column: string): readonly string[] {
  const value = cellOf(row, column);
  if (Array.isArray(value) && value.length > 0 && value.every((v) => typeof v === 'string' && v !== '')) {
    return value as readonly string[];
  }
  throw wrong(row, column, 'a list of texts');
}

/** The label of a row, one of those known; numbers are taken as their digits. */
export function labelField(row: Row, column: string, labels: readonly string[]): string {
  const label = String(cellOf(row, column));
  if (labels.includes(label)) return label;
  throw new EasyNlpError('DATA_LABEL_UNKNOWN', {
    file: row.file,
    line: row.line,
    column,
    got: row.values[column],
    known: labels,
    suggestion: nearest(label, labels) ?? undefined,
  });
}

/** A JSON file that is one value. @throws EasyNlpError DATA_FORMAT */
export function readJson(path: string): unknown {
  requireFile(path);
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new EasyNlpError('DATA_FORMAT', { file: path, reason: (cause as Error).message }, { cause });
  }
}
