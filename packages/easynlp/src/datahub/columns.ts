import { EasyNlpError } from '../errors/index.js';
import { nearest } from '../util/index.js';

/** DATA_COLUMN_UNKNOWN with the nearest of the known names. */
export function unknownColumn(
  column: string,
  known: readonly string[],
  place: { file: string; line?: number },
): EasyNlpError {
  return new EasyNlpError('DATA_COLUMN_UNKNOWN', {
    ...place,
    column,
    known,
    suggestion: nearest(column, known),
  });
}

/** Throws when one of `wanted` is not among `known`. */
export function requireColumns(
  wanted: readonly string[],
  known: readonly string[],
  place: { file: string; line?: number },
): void {
  for (const column of wanted) {
    if (!known.includes(column)) throw unknownColumn(column, known, place);
  }
}

/** Checks the names of a header or a Parquet schema: none empty, none twice. */
export function checkHeader(names: readonly string[], place: { file: string; line?: number }): void {
  const seen = new Set<string>();
  for (const [index, name] of names.entries()) {
    if (name === '' || name === '__proto__') {
      throw new EasyNlpError('DATA_ROW_MALFORMED', {
        ...place,
        reason: `the header's column ${index + 1} ${name === '' ? 'has no name' : 'may not be called __proto__'}`,
        hint: 'The first line must name every column; a file without a header needs a schema.',
      });
    }
    if (seen.has(name)) throw new EasyNlpError('DATA_COLUMN_DUPLICATE', { ...place, column: name });
    seen.add(name);
  }
}
