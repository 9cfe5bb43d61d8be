import type { Row } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';

/** The number in a cell. @throws EasyNlpError DATA_COLUMN_UNKNOWN, DATA_CELL naming file, line and column */
export function scoreOf(row: Row, column: string): number {
  const place = { file: row.file, line: row.line, column };
  const value = row.values[column];
  if (value === undefined)
    throw new EasyNlpError('DATA_COLUMN_UNKNOWN', { ...place, known: Object.keys(row.values) });
  const text = typeof value === 'string' ? value.trim() : value;
  const score = typeof text === 'string' && text !== '' ? Number(text) : text;
  if (typeof score === 'number' && Number.isFinite(score)) return score;
  throw new EasyNlpError('DATA_CELL', {
    ...place,
    got: value,
    expected: 'a number',
    hint: 'Scores are numbers such as 0.8 or 3; for labels train text_match without --regression.',
  });
}

/** Smallest and largest score of a column; every row is checked. */
export async function scoreRange(
  rows: AsyncIterable<Row>,
  column: string,
): Promise<readonly [number, number]> {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for await (const row of rows) {
    const score = scoreOf(row, column);
    least = Math.min(least, score);
    most = Math.max(most, score);
  }
  if (least < most) return [least, most];
  throw new EasyNlpError('DATA_LABELS', {
    reason: `column "${column}" has the score ${least} in every row; there is nothing to learn from it`,
  });
}
