import type { Cell, Row } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { nearest } from '../../util/index.js';
import { parseTag, spansOfTags, type Tag, type TokenSpan } from './schemes.js';
import { joined, segment, spaced, type Unit, type Units } from './units.js';

/** Where a row's text and labels stand. */
export interface GoldColumns {
  readonly firstSequence: string;
  readonly labelName: string;
  readonly unit: Unit;
  /** Names of tags that data give by their numbers. */
  readonly tagNames?: readonly string[];
}

/** A row with what its labels say; entities do not overlap and are in order. */
export interface GoldRow {
  readonly units: Units;
  readonly spans: readonly TokenSpan[];
  /** The tags as they stand in the data; null for spans. */
  readonly tags: readonly string[] | null;
}

const place = (row: Row, column: string, item?: number) => ({
  file: row.file,
  line: row.line + (row.itemLines && item !== undefined ? item : 0),
  column,
});

function cellOf(row: Row, column: string): Cell {
  const value = row.values[column];
  if (value !== undefined) return value;
  const known = Object.keys(row.values);
  throw new EasyNlpError('DATA_COLUMN_UNKNOWN', {
    file: row.file,
    line: row.line,
    column,
    known,
    suggestion: nearest(column, known),
  });
}

/** @throws EasyNlpError DATA_CELL, DATA_ROW_MALFORMED, DATA_COLUMN_UNKNOWN with the place */
export function goldOf(row: Row, columns: GoldColumns): GoldRow {
  const text = cellOf(row, columns.firstSequence);
  const labels = cellOf(row, columns.labelName);
  const isText = typeof text === 'string' || typeof text === 'number';
  if (!isText && !Array.isArray(text)) {
    throw new EasyNlpError('DATA_CELL', {
      ...place(row, columns.firstSequence),
      got: text,
      expected: 'a text or a list of tokens',
    });
  }
  if (isText && typeof labels === 'string' && /^\s*\[/.test(labels)) {
    const units = segment(String(text), columns.unit);
    return {
      units,
      spans: unitSpans(readSpans(row, columns.labelName, labels, units.text), units),
      tags: null,
    };
  }
  const units = Array.isArray(text) ? joined(text.map(String), columns.unit) : spaced(String(text));
  const tags = tagsOf(row, columns, labels);
  if (tags.length !== units.surfaces.length) {
    throw new EasyNlpError('DATA_ROW_MALFORMED', {
      ...place(row, columns.labelName),
      reason: `${tags.length} tags for ${units.surfaces.length} tokens`,
      hint: `Each token of column "${columns.firstSequence}" needs a tag; both are separated by spaces.`,
    });
  }
  const parsed = tags.map((tag, i): Tag => {
    const found = parseTag(tag);
    if (found) return found;
    throw new EasyNlpError('DATA_CELL', {
      ...place(row, columns.labelName, i),
      got: tag,
      expected: 'a tag: O, or B-, I-, E-, S- or M- with a type, such as B-PER',
      hint: `It is the tag of token ${i + 1}, ${JSON.stringify(units.surfaces[i])}.`,
    });
  });
  return { units, spans: spansOfTags(parsed), tags };
}

function tagsOf(row: Row, { labelName, tagNames }: GoldColumns, labels: Cell): readonly string[] {
  if (typeof labels === 'string') return labels.split(' ').filter((tag) => tag !== '');
  if (Array.isArray(labels)) {
    return (labels as readonly (string | number)[]).map((tag, i) => {
      if (typeof tag === 'string') return tag;
      const name = tagNames?.[tag];
      if (name !== undefined) return name;
      throw new EasyNlpError('DATA_CELL', {
        ...place(row, labelName, i),
        got: tag,
        expected: tagNames ? `a number from 0 to ${tagNames.length - 1}` : 'a tag such as B-PER',
        hint: 'Where tags are numbers, give their names in order with --labels O,B-PER,I-PER,…',
      });
    });
  }
  throw new EasyNlpError('DATA_CELL', {
    ...place(row, labelName),
    got: labels,
    expected: 'tags separated by spaces, or a list of entities',
  });
}

interface TextSpan {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

/** `[{"type": "PER", "start": 0, "end": 2, "text": "张三"}]`: UTF-16 code units, the end excluded; the text is optional. */
function readSpans(row: Row, column: string, json: string, text: string): TextSpan[] {
  const wrong = (reason: string, cause?: unknown) =>
    new EasyNlpError(
      'DATA_ROW_MALFORMED',
      {
        ...place(row, column),
        reason,
        hint: 'Expected [{"type": "PER", "start": 0, "end": 2}, …], positions in UTF-16 code units, the end excluded.',
      },
      cause === undefined ? {} : { cause },
    );
  let list: unknown;
  try {
    list = JSON.parse(json);
  } catch (cause) {
    throw wrong(`not valid JSON: ${(cause as Error).message}`, cause);
  }
  if (!Array.isArray(list)) throw wrong('not a list of entities');
  return list.map((item: unknown, i) => {
    const entity = (typeof item === 'object' && item !== null ? item : {}) as Record<string, unknown>;
    const type = entity.type ?? entity.label;
    const { start, end, text: name } = entity;
    const fits =
      Number.isInteger(start) && Number.isInteger(end) && Number(start) >= 0 && Number(end) <= text.length;
    if (typeof type !== 'string' || !fits || Number(start) >= Number(end)) {
      throw wrong(
        `entity ${i + 1} is ${JSON.stringify(item)}; it needs a type and a start and end within the text's ${text.length} code units`,
      );
    }
    if (/\s/.test(type))
      throw wrong(`the type ${JSON.stringify(type)} of entity ${i + 1} has white space in it`);
    const found = text.slice(Number(start), Number(end));
    if (typeof name === 'string' && name !== found) {
      throw wrong(
        `entity ${i + 1}: the text has ${JSON.stringify(found)} there, not ${JSON.stringify(name)}`,
      );
    }
    return { type, start: Number(start), end: Number(end) };
  });
}

/**
 * Spans over units: the units that a span touches, without white space around. Of spans that overlap, which tags cannot
 * express, the longest stays, and of equally long ones the first.
 */
function unitSpans(spans: readonly TextSpan[], { starts, ends }: Units): TokenSpan[] {
  const found: TokenSpan[] = [];
  for (const { type, start, end } of spans) {
    const from = lowerBound(ends, start + 1);
    let to = from;
    while (to < starts.length && starts[to]! < end) to++;
    if (from < to) found.push({ type, from, to });
  }
  found.sort((a, b) => b.to - b.from - (a.to - a.from) || a.from - b.from);
  const taken = new Uint8Array(starts.length);
  const kept = found.filter(({ from, to }) => {
    if (taken.subarray(from, to).includes(1)) return false;
    taken.fill(1, from, to);
    return true;
  });
  return kept.sort((a, b) => a.from - b.from);
}

/** The first index whose value is at least `least`; values ascend. */
function lowerBound(values: Int32Array, least: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! < least) low = middle + 1;
    else high = middle;
  }
  return low;
}
