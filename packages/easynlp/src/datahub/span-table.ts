import { EasyNlpError } from '../errors/index.js';
import { LineTable } from './line-table.js';
import type { Cell, DataSource, Row } from './types.js';

/** An entity in a text; offsets in UTF-16 code units, the end excluded, as in `text.slice(start, end)`. */
export interface TextSpan {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Whether a line of JSON is CLUENER's `{"text": …, "label": {type: {name: [[first, last], …]}}}`. */
export function isSpanJson(line: string): boolean {
  try {
    const value: unknown = JSON.parse(line);
    if (!isObject(value) || typeof value.text !== 'string' || !isObject(value.label)) return false;
    return Object.values(value.label).every(
      (names) => isObject(names) && Object.values(names).every(Array.isArray),
    );
  } catch {
    return false;
  }
}

/**
 * CLUENER's JSON: one object a line, entities by type and name with the positions of their first and last characters.
 * Columns are `text` and `entities`, the JSON text of a list of `TextSpan`s ordered by place; plain values of other
 * fields are columns as well. Positions are checked against the names.
 */
export function spanTable(path: string): DataSource {
  return new LineTable({
    path,
    columns: null,
    skipLines: 0,
    blankIsRow: false,
    parse: (line, number) => parseRow(line, { file: path, line: number }),
  });
}

function parseRow(line: string, place: { file: string; line: number }): Row {
  const malformed = (reason: string, column?: string, cause?: unknown) =>
    new EasyNlpError(
      'DATA_ROW_MALFORMED',
      {
        ...place,
        ...(column === undefined ? {} : { column }),
        reason,
        hint: 'Expected {"text": "…", "label": {"type": {"name": [[first, last]]}}}, the last character included.',
      },
      cause === undefined ? {} : { cause },
    );
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw malformed(`not valid JSON: ${(cause as Error).message}`, undefined, cause);
  }
  if (!isObject(value)) throw malformed('expected a JSON object');
  const { text, label = {}, ...others } = value;
  if (typeof text !== 'string') throw malformed('the text is missing or not a text', 'text');
  if (!isObject(label)) throw malformed('expected an object: type → name → positions', 'label');
  // Positions count characters as Python does, so that one beyond U+FFFF is one.
  const characters = Array.from(text);
  const starts = new Uint32Array(characters.length + 1);
  for (const [i, character] of characters.entries()) starts[i + 1] = starts[i]! + character.length;
  const spans: TextSpan[] = [];
  for (const [type, names] of Object.entries(label)) {
    if (!isObject(names)) throw malformed('expected an object: name → positions', `label.${type}`);
    for (const [name, positions] of Object.entries(names)) {
      if (!Array.isArray(positions)) throw malformed('expected a list of positions', `label.${type}.${name}`);
      for (const position of positions) {
        const [first, last] = Array.isArray(position) ? (position as unknown[]) : [];
        const found = characters.slice(Number(first), Number(last) + 1).join('');
        if (!Number.isInteger(first) || !Number.isInteger(last) || found !== name || name === '') {
          throw malformed(
            `at ${JSON.stringify(position)} the text has ${JSON.stringify(found)}, not ${JSON.stringify(name)}`,
            `label.${type}`,
          );
        }
        spans.push({ type, start: starts[first as number]!, end: starts[(last as number) + 1]! });
      }
    }
  }
  spans.sort((a, b) => a.start - b.start || b.end - a.end);
  const values: Record<string, Cell> = { text, entities: JSON.stringify(spans) };
  for (const [key, other] of Object.entries(others)) {
    if (key !== '__proto__' && !Object.hasOwn(values, key) && typeof other !== 'object')
      values[key] = other as Cell;
  }
  return { values, ...place };
}
