import { EasyNlpError } from '../errors/index.js';
import { convertCell } from './cells.js';
import { unknownColumn } from './columns.js';
import { LineTable } from './line-table.js';
import type { Cell, Column, DataSource, Row } from './types.js';

/** One JSON object a line; objects inside are flattened to dotted names (`target.span1_text`). */
export function jsonlTable(
  path: string,
  options: { schema: readonly Column[] | undefined; columns: readonly string[] | undefined },
): DataSource {
  const { schema } = options;
  const wanted = options.columns ?? schema?.map(({ name }) => name);
  const typed = schema ? new Map(schema.map((column) => [column.name, column])) : undefined;
  const parse = (line: string, number: number): Row => {
    const place = { file: path, line: number };
    const all: Record<string, Cell> = {};
    flatten(parseObject(line, place), '', all, { ...place, exactCheck: /\d{16}/.test(line) });
    if (wanted === undefined) return { values: all, ...place };
    const values: Record<string, Cell> = {};
    for (const name of wanted) {
      if (!Object.hasOwn(all, name)) throw unknownColumn(name, Object.keys(all), place);
      const column = typed?.get(name);
      values[name] = column ? convertCell(all[name]!, column, place) : all[name]!;
    }
    return { values, ...place };
  };
  return new LineTable({
    path,
    columns: schema && wanted ? schema.filter(({ name }) => wanted.includes(name)) : null,
    skipLines: 0,
    blankIsRow: false,
    parse,
  });
}

function parseObject(line: string, place: { file: string; line: number }): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new EasyNlpError(
      'DATA_ROW_MALFORMED',
      {
        ...place,
        reason: `not valid JSON: ${(error as Error).message}`,
        hint:
          place.line === 1 && line.trim() === '['
            ? 'JSON Lines holds one object a line; convert the array, e.g. `jq -c ".[]" old.json > new.jsonl`.'
            : undefined,
      },
      { cause: error },
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new EasyNlpError('DATA_ROW_MALFORMED', {
      ...place,
      reason: `expected a JSON object, got ${Array.isArray(value) ? 'an array' : String(value)}`,
    });
  }
  return value as Record<string, unknown>;
}

interface FlattenPlace {
  readonly file: string;
  readonly line: number;
  /** Whether the line has a number long enough to have lost digits. */
  readonly exactCheck: boolean;
}

function flatten(
  object: Record<string, unknown>,
  prefix: string,
  into: Record<string, Cell>,
  place: FlattenPlace,
): void {
  for (const [key, value] of Object.entries(object)) {
    const name = prefix + key;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      flatten(value as Record<string, unknown>, `${name}.`, into, place);
    } else if (name !== '__proto__') {
      into[name] = toCell(value, name, place);
    }
  }
}

/** Lists of texts or of numbers stay lists; any other list becomes its JSON text. */
function toCell(value: unknown, name: string, place: FlattenPlace): Cell {
  if (
    typeof value === 'number' &&
    place.exactCheck &&
    Number.isInteger(value) &&
    !Number.isSafeInteger(value)
  ) {
    throw new EasyNlpError('DATA_CELL', {
      file: place.file,
      line: place.line,
      column: name,
      got: value,
      expected: 'an integer within ±(2^53 - 1)',
      hint: 'Write long identifiers as strings, or digits are lost.',
    });
  }
  if (!Array.isArray(value)) return value as string | number | boolean | null;
  if (value.every((item) => typeof item === 'string') || value.every((item) => typeof item === 'number')) {
    return value;
  }
  return JSON.stringify(value);
}
