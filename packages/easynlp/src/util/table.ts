import { displayWidth, padToWidth } from './display-width.js';

export type Align = 'left' | 'right';

export interface TableOptions {
  /** Per column; columns beyond the list are right-aligned, the first is left-aligned when nothing is given. */
  readonly align?: readonly Align[];
  /** True: the first row is a header, followed by a rule. */
  readonly header?: boolean;
  /** Spaces between columns (default 2). */
  readonly gap?: number;
  /** Put before each line. */
  readonly indent?: string;
}

/**
 * Plain-text table, aligned by display width so that Chinese cells line up. Lines have no trailing spaces;
 * short rows are filled with empty cells; line breaks inside a cell become spaces.
 *
 * @example
 * table([['label', 'F1'], ['好评', '0.91']], { header: true });
 */
export function table(
  rows: readonly (readonly (string | number)[])[],
  { align = ['left'], header = false, gap = 2, indent = '' }: TableOptions = {},
): string {
  const cells = rows.map((row) => row.map((cell) => String(cell).replace(/\s*[\r\n]+\s*/g, ' ')));
  const columns = Math.max(0, ...cells.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...cells.map((row) => displayWidth(row[column] ?? ''))),
  );
  const line = (row: readonly string[]) =>
    (
      indent +
      widths.map((width, c) => padToWidth(row[c] ?? '', width, align[c] ?? 'right')).join(' '.repeat(gap))
    ).trimEnd();
  const lines = cells.map(line);
  if (header && lines.length > 0) lines.splice(1, 0, line(widths.map((width) => '─'.repeat(width))));
  return lines.join('\n');
}
