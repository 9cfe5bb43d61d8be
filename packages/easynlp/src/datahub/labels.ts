import { stat } from 'node:fs/promises';
import { EasyNlpError } from '../errors/index.js';
import { nearest } from '../util/index.js';
import { unknownColumn } from './columns.js';
import { readLines } from './line-reader.js';
import type { Cell, DataSource, Row } from './types.js';

/** Labels in order: a label's id is its position. */
export class LabelSet {
  readonly labels: readonly string[];
  readonly #ids: ReadonlyMap<string, number>;

  /** Throws DATA_LABELS when a label is empty or occurs twice, or when there is none. */
  constructor(labels: readonly string[]) {
    if (labels.length === 0) throw wrong('there is none');
    const ids = new Map<string, number>();
    for (const [id, label] of labels.entries()) {
      if (label === '') throw wrong(`label ${id + 1} is empty`);
      if (ids.has(label)) throw wrong(`"${label}" occurs twice`);
      ids.set(label, id);
    }
    this.labels = [...labels];
    this.#ids = ids;
  }

  get size(): number {
    return this.labels.length;
  }

  has(label: string): boolean {
    return this.#ids.has(label);
  }

  /** Id of a label; `place` (a row and its label column) is named in DATA_LABEL_UNKNOWN. */
  idOf(label: Cell, place: { file: string; line: number; column?: string }): number {
    const text = labelText(label);
    const id = this.#ids.get(text);
    if (id !== undefined) return id;
    throw new EasyNlpError('DATA_LABEL_UNKNOWN', {
      file: place.file,
      line: place.line,
      column: place.column,
      got: label,
      known: this.labels,
      suggestion: nearest(text, this.labels),
    });
  }

  /** Id of the label in `column` of `row`. */
  idIn(row: Row, column: string): number {
    const value = row.values[column];
    if (value === undefined) throw unknownColumn(column, Object.keys(row.values), row);
    return this.idOf(value, { file: row.file, line: row.line, column });
  }
}

/**
 * How labels found in data are ordered. `natural` (default): numbers by value before texts by code unit, so
 * that the ids do not depend on the order of the rows. `first`: by first appearance.
 */
export type LabelOrder = 'natural' | 'first';

/**
 * EasyNLP's `label_enumerate_values`: a comma-separated list, or the path of a file with one label a line.
 * A value without a comma that names an existing file is a path. Throws DATA_LABELS.
 */
export async function readLabels(value: string): Promise<LabelSet> {
  const file = !value.includes(',') && (await stat(value).catch(() => null))?.isFile() === true;
  if (file) return readLabelFile(value);
  if (!value.includes(',') && /[/\\]|\.(txt|csv|tsv|json)$/.test(value)) return readLabelFile(value); // for its error
  return new LabelSet(value.split(',').map((label) => label.trim()));
}

/** One label a line; empty lines at the end do not count. */
export async function readLabelFile(path: string): Promise<LabelSet> {
  const labels: string[] = [];
  for await (const block of readLines(path)) for (const line of block.lines) labels.push(line.trim());
  while (labels.at(-1) === '') labels.pop();
  return new LabelSet(labels);
}

/**
 * The labels of a column, by one pass over the data. With a `separator`, a cell holds several labels
 * (multi-label tasks). Throws DATA_LABELS and DATA_COLUMN_UNKNOWN.
 */
export async function collectLabels(
  source: DataSource,
  column: string,
  options: { order?: LabelOrder; separator?: string; limit?: number } = {},
): Promise<LabelSet> {
  const limit = options.limit ?? 100_000;
  const found = new Set<string>();
  for await (const row of source.rows()) {
    const value = row.values[column];
    if (value === undefined) throw unknownColumn(column, Object.keys(row.values), row);
    const { separator } = options;
    const labels = separator === undefined ? [labelText(value)] : labelsIn(row, column, separator);
    for (const label of labels) {
      const name = label.trim();
      if (name !== '') found.add(name);
      else if (separator === undefined) {
        throw new EasyNlpError('DATA_CELL', {
          file: row.file,
          line: row.line,
          column,
          got: value,
          expected: 'a label',
        });
      }
    }
    if (found.size > limit) {
      throw wrong(
        `column "${column}" of ${source.name} has more than ${limit} different values; is it the label column?`,
      );
    }
  }
  const labels = Array.from(found);
  return new LabelSet((options.order ?? 'natural') === 'first' ? labels : labels.sort(naturally));
}

/**
 * The set of labels in a cell: a list (JSON Lines), its JSON text, or names with a separator between them. An empty cell
 * or list is the empty set; a label named twice counts once. Throws DATA_COLUMN_UNKNOWN, and DATA_CELL for null, which
 * says that nobody looked rather than that there is no label.
 */
export function labelsIn(row: Row, column: string, separator: string): string[] {
  const value = row.values[column];
  if (value === undefined) throw unknownColumn(column, Object.keys(row.values), row);
  if (value === null) {
    throw new EasyNlpError('DATA_CELL', {
      file: row.file,
      line: row.line,
      column,
      got: value,
      expected: 'a set of labels',
      hint: 'Write [] or an empty text for a row without labels, or leave the row out.',
    });
  }
  const items = Array.isArray(value) ? value.map(String) : listIn(String(value), separator);
  return [...new Set(items.map((item) => item.trim()).filter((item) => item !== ''))];
}

function listIn(text: string, separator: string): readonly string[] {
  if (/^\s*\[\s*("|\])/.test(text)) {
    try {
      const items: unknown = JSON.parse(text);
      if (Array.isArray(items) && items.every((item) => typeof item === 'string')) return items as string[];
    } catch {
      // Not JSON after all: names may begin with a bracket.
    }
  }
  return text.split(separator);
}

const INTEGER = /^[+-]?\d+(\.\d+)?$/;

function naturally(a: string, b: string): number {
  const numeric = [INTEGER.test(a), INTEGER.test(b)];
  if (numeric[0] && numeric[1] && Number(a) !== Number(b)) return Number(a) - Number(b);
  if (numeric[0] !== numeric[1]) return numeric[0] ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

function labelText(value: Cell): string {
  return Array.isArray(value) ? value.join(',') : String(value ?? '').trim();
}

function wrong(reason: string): EasyNlpError {
  return new EasyNlpError('DATA_LABELS', { reason });
}
