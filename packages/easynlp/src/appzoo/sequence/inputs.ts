import { z } from 'zod';
import type { Row } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import type { App } from '../app.js';
import type { SequenceSpec } from './spec.js';

/** What rows that stand in no file name as theirs. */
export const INPUT = 'input';

function rowOf(spec: SequenceSpec, input: unknown, index: number): Row {
  const place = { file: INPUT, line: index + 1 };
  const wrong = (got: string) =>
    new EasyNlpError('APP_INPUT', {
      index: index + 1,
      expected:
        spec.secondSequence === null
          ? 'a text'
          : `a pair ([[text, text]] for one pair) or an object with ${spec.firstSequence} and ${spec.secondSequence}`,
      got,
    });
  if (typeof input === 'string') {
    if (spec.secondSequence !== null) throw wrong('one text');
    return { values: { [spec.firstSequence]: input }, ...place };
  }
  if (Array.isArray(input)) {
    if (spec.secondSequence === null || input.length !== 2 || !input.every((t) => typeof t === 'string')) {
      throw wrong(`an array of ${input.length}`);
    }
    return { values: { [spec.firstSequence]: input[0], [spec.secondSequence]: input[1] }, ...place };
  }
  if (typeof input === 'object' && input !== null) return { values: input as Row['values'], ...place };
  throw wrong(input === null ? 'null' : typeof input);
}

/** What rows of one text or of a pair must hold, for files, pipelines, the HTTP API and forms. */
export const sequenceInputs: App<SequenceSpec>['inputs'] = {
  schema: ({ firstSequence, secondSequence }) =>
    z.object({
      [firstSequence]: z.string().meta({ description: 'the text' }),
      ...(secondSequence === null
        ? {}
        : { [secondSequence]: z.string().meta({ description: 'the second text' }) }),
    }),
  columns: ({ firstSequence, secondSequence, labelName }, { labels }) => [
    firstSequence,
    ...(secondSequence === null ? [] : [secondSequence]),
    ...(labels ? [labelName] : []),
  ],
  row: rowOf,
};
