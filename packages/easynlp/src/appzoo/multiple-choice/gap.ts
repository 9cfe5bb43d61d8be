import type { Row } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { textOf } from '../sequence/index.js';
import type { MultipleChoiceSpec } from './spec.js';

/** A text with a choice in the place of its gap, and where it stands, in UTF-16 code units. */
export interface FilledText {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** @throws EasyNlpError DATA_ROW_MALFORMED where the mark does not stand exactly once */
export function filled(
  row: Row,
  { firstSequence, gap }: Pick<MultipleChoiceSpec, 'firstSequence' | 'gap'>,
  choice: string,
): FilledText {
  const text = textOf(row, firstSequence);
  const start = text.indexOf(gap!);
  const again = start < 0 ? start : text.indexOf(gap!, start + gap!.length);
  if (start < 0 || again >= 0) {
    throw new EasyNlpError('DATA_ROW_MALFORMED', {
      ...{ file: row.file, line: row.line, column: firstSequence },
      reason: `the gap "${gap}" stands ${start < 0 ? 'nowhere' : 'more than once'} in column "${firstSequence}"`,
      hint: 'Every gap is a question of its own: a row for each, other gaps being blank (　　) there.',
    });
  }
  const end = start + choice.length;
  return { text: text.slice(0, start) + choice + text.slice(start + gap!.length), start, end };
}
