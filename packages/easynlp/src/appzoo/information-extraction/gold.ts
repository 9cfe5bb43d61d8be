import type { Cell, Row, TextSpan } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { codePointBoundaries } from '../../text/offsets.js';

/** A part of a text, `text.slice(start, end)`. */
export interface Place {
  readonly start: number;
  readonly end: number;
}

/** An event: its trigger with the type, and what takes part in it. */
export interface GoldEvent extends TextSpan {
  readonly arguments: readonly (Place & { readonly role: string })[];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function wrong(row: Row, column: string, got: unknown, expected: string): EasyNlpError {
  return new EasyNlpError('DATA_CELL', { file: row.file, line: row.line, column, got, expected });
}

/** The list that a cell holds, as JSON text unless it is empty. */
function listIn(row: Row, column: string, expected: string): readonly unknown[] {
  const cell: Cell | undefined = row.values[column];
  if (cell === undefined) {
    const known = Object.keys(row.values);
    throw new EasyNlpError('DATA_COLUMN_UNKNOWN', { file: row.file, line: row.line, column, known });
  }
  if (cell === null || cell === '') return [];
  if (Array.isArray(cell) && cell.length === 0) return [];
  try {
    const value: unknown = typeof cell === 'string' ? JSON.parse(cell) : cell;
    if (Array.isArray(value)) return value;
  } catch {
    // Told below.
  }
  throw wrong(row, column, cell, expected);
}

const ENTITIES = 'a list of entities such as [{"type":"人物","start":0,"end":2}], places within the text';
const EVENTS =
  'a list of events such as [{"type":"比赛","start":0,"end":2,"arguments":[{"role":"冠军","start":5,"end":7}]}], places within the text';

function placeOf(value: unknown, length: number): (Place & Record<string, unknown>) | null {
  if (!isObject(value)) return null;
  const { start, end } = value;
  const fits =
    Number.isInteger(start) &&
    Number.isInteger(end) &&
    (start as number) >= 0 &&
    (start as number) < (end as number) &&
    (end as number) <= length;
  return fits ? (value as unknown as Place & Record<string, unknown>) : null;
}

/** Entities of a row; offsets in UTF-16 code units. @throws EasyNlpError DATA_COLUMN_UNKNOWN, DATA_CELL */
export function entitiesOf(row: Row, column: string, text: string): TextSpan[] {
  return listIn(row, column, ENTITIES).map((item) => {
    const place = placeOf(item, text.length);
    if (place === null || typeof place.type !== 'string' || place.type === '') {
      throw wrong(row, column, item, ENTITIES);
    }
    return { type: place.type, start: place.start, end: place.end };
  });
}

/** Events of a row. @throws EasyNlpError DATA_COLUMN_UNKNOWN, DATA_CELL */
export function eventsOf(row: Row, column: string, text: string): GoldEvent[] {
  return listIn(row, column, EVENTS).map((item) => {
    const trigger = placeOf(item, text.length);
    const given = isObject(item) ? (item.arguments ?? []) : null;
    if (
      trigger === null ||
      typeof trigger.type !== 'string' ||
      trigger.type === '' ||
      !Array.isArray(given)
    ) {
      throw wrong(row, column, item, EVENTS);
    }
    const taking = given.map((argument: unknown) => {
      const place = placeOf(argument, text.length);
      if (place === null || typeof place.role !== 'string' || place.role === '') {
        throw wrong(row, column, argument, EVENTS);
      }
      return { role: place.role, start: place.start, end: place.end };
    });
    return { type: trigger.type, start: trigger.start, end: trigger.end, arguments: taking };
  });
}

/** `['…']` and `["…"]`, as Python prints a list of one text; any other cell is the text itself. */
export function unwrapped(cell: string): string {
  const found = /^\[(['"])([\s\S]*)\1\]$/.exec(cell.trim());
  return found ? found[2]! : cell;
}

function numbersIn(row: Row, column: string): number[] {
  const cell = row.values[column];
  const text = Array.isArray(cell) ? cell.join(',') : String(cell ?? '');
  const inner = text.trim().replace(/^\[|\]$/g, '');
  if (inner.trim() === '') return [];
  return inner.split(',').map((item) => {
    if (/^\s*\d+\s*$/.test(item)) return Number(item);
    throw wrong(row, column, cell, 'a list of positions such as [21, 25]');
  });
}

/**
 * The answers to a question of EasyNLP's training data: columns `start` and `end`, characters of the instruction as
 * Python counts them, the end excluded; 0 and 0 mean no answer. Given as UTF-16 offsets into the instruction.
 *
 * @throws EasyNlpError DATA_COLUMN_UNKNOWN, DATA_CELL
 */
export function answersIn(row: Row, instruction: string): Place[] {
  for (const column of ['start', 'end']) {
    if (row.values[column] !== undefined) continue;
    const known = Object.keys(row.values);
    throw new EasyNlpError('DATA_COLUMN_UNKNOWN', { file: row.file, line: row.line, column, known });
  }
  const starts = numbersIn(row, 'start');
  const ends = numbersIn(row, 'end');
  if (starts.length !== ends.length) {
    throw wrong(row, 'end', row.values.end, `a list of as many positions as start has (${starts.length})`);
  }
  const map = codePointBoundaries(instruction);
  const length = map === null ? instruction.length : map.length - 1;
  const places: Place[] = [];
  for (const [i, start] of starts.entries()) {
    const end = ends[i]!;
    if (start === 0 && end === 0) continue;
    if (start >= end || end > length) {
      throw wrong(
        row,
        'end',
        end,
        `a position after ${start} and at most ${length}, the instruction's length`,
      );
    }
    places.push({ start: map === null ? start : map[start]!, end: map === null ? end : map[end]! });
  }
  return places;
}
