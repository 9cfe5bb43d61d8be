import type { Row } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { codePointBoundaries } from '../../text/index.js';

/** The answers that a row has. */
export interface GoldAnswers {
  /** None for a question without an answer. */
  readonly texts: readonly string[];
  /** Where each begins in the text, in characters as Python counts them; null where the row does not say. */
  readonly starts: readonly (number | null)[];
}

/** A part of a text: `text.slice(start, end)`. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

interface GoldColumns {
  readonly answerName: string;
  readonly startName: string | null;
}

function wrong(row: Row, column: string, got: unknown, expected: string, hint?: string): EasyNlpError {
  return new EasyNlpError('DATA_CELL', { file: row.file, line: row.line, column, got, expected, hint });
}

function startOf(value: unknown, row: Row, column: string): number | null {
  if (value === null || value === undefined || value === '') return null;
  const number = typeof value === 'string' && /^\s*-?\d+\s*$/.test(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isSafeInteger(number)) return number < 0 ? null : number;
  throw wrong(row, column, value, 'a place in the text, counted in characters from 0');
}

/** @throws EasyNlpError DATA_COLUMN_UNKNOWN without the answers' column, DATA_CELL for what is no text or place */
export function answersOf(row: Row, { answerName, startName }: GoldColumns): GoldAnswers {
  const value = row.values[answerName];
  if (value === undefined) {
    throw new EasyNlpError('DATA_COLUMN_UNKNOWN', {
      file: row.file,
      line: row.line,
      column: answerName,
      known: Object.keys(row.values),
    });
  }
  const cells: readonly unknown[] = value === null ? [] : Array.isArray(value) ? value : [value];
  const start = startName === null ? undefined : row.values[startName];
  const places: readonly unknown[] = Array.isArray(start) ? start : [start];
  const texts: string[] = [];
  const starts: (number | null)[] = [];
  for (const [i, cell] of cells.entries()) {
    if (typeof cell === 'boolean') throw wrong(row, answerName, cell, 'the text of an answer');
    const text = String(cell);
    if (text.trim() === '') continue;
    texts.push(text);
    starts.push(startOf(places[i], row, startName ?? ''));
  }
  return { texts, starts };
}

/** The occurrence of `part` whose beginning is nearest to `near`. */
function nearestOccurrence(text: string, part: string, near: number): number {
  const before = text.lastIndexOf(part, near);
  const after = text.indexOf(part, near);
  if (before < 0 || after < 0) return Math.max(before, after);
  return near - before <= after - near ? before : after;
}

/** Where the first answer that the text has stands; null when it has none of them. */
export function findAnswer(context: string, { texts, starts }: GoldAnswers): TextRange | null {
  const boundaries = codePointBoundaries(context);
  for (const [i, given] of texts.entries()) {
    const place = starts[i] ?? 0;
    const near = boundaries === null ? place : (boundaries[Math.min(place, boundaries.length - 1)] ?? 0);
    // Published data have places that are off by one, and answers with blanks around them.
    for (const text of [given, given.trim()]) {
      const start = nearestOccurrence(context, text, near);
      if (start >= 0) return { start, end: start + text.length };
    }
  }
  return null;
}

/** @throws EasyNlpError DATA_CELL when the text has none of the answers */
export function locateAnswer(
  context: string,
  gold: GoldAnswers,
  row: Row,
  { answerName }: GoldColumns,
): TextRange {
  const found = findAnswer(context, gold);
  if (found !== null) return found;
  throw wrong(
    row,
    answerName,
    gold.texts[0],
    'a part of the text that the question is about',
    'Answers are parts of the text, letter by letter; a question without an answer has an empty one.',
  );
}
