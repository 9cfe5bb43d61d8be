import { EasyNlpError } from '../errors/index.js';
import type { Cell, Column } from './types.js';

/** Where a cell stands, for messages. */
export interface CellPlace {
  readonly file: string;
  readonly line: number;
}

const INTEGER = /^\s*[+-]?\d+\s*$/;
const NUMBER = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*$/;

/** Converts a cell's text as its column says; throws DATA_CELL. */
export function parseCell(text: string, column: Column, place: CellPlace): Cell {
  if (column.length === 1) return column.type === 'str' ? text : parseNumber(text, column, place);
  const items = text.split(',');
  if (items.length !== column.length) {
    throw new EasyNlpError('DATA_CELL', {
      ...place,
      column: column.name,
      got: text,
      expected: `a list of ${column.length} values separated by commas (it has ${items.length})`,
      hint:
        column.type === 'str'
          ? `A length above 1 means a list; for one text write ${column.name}:str:1 in the schema.`
          : undefined,
    });
  }
  return column.type === 'str' ? items : items.map((item) => parseNumber(item, column, place));
}

/** Converts a value that has a type already (JSON, Parquet) as its column says; throws DATA_CELL. */
export function convertCell(value: Cell, column: Column, place: CellPlace): Cell {
  if (value === null) return null;
  if (Array.isArray(value)) {
    const items: readonly (string | number)[] = value;
    const single: Column = { ...column, length: 1 };
    if (column.length === items.length) {
      return items.map((item) => convertCell(item, single, place)) as string[] | number[];
    }
    throw new EasyNlpError('DATA_CELL', {
      ...place,
      column: column.name,
      got: value,
      expected:
        column.length === 1
          ? `one value (it is a list of ${items.length})`
          : `a list of ${column.length} values`,
    });
  }
  return parseCell(String(value), column, place);
}

function parseNumber(text: string, column: Column, place: CellPlace): number {
  const integer = column.type === 'int';
  const value = (integer ? INTEGER : NUMBER).test(text) ? Number(text) : Number.NaN;
  if (integer ? Number.isSafeInteger(value) : Number.isFinite(value)) return value;
  const expected = !integer
    ? 'a finite number'
    : Number.isNaN(value)
      ? 'an integer'
      : 'an integer within ±(2^53 - 1)';
  throw new EasyNlpError('DATA_CELL', { ...place, column: column.name, got: text, expected });
}
