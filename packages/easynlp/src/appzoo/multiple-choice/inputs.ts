import { z } from 'zod';
import type { Row } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import type { App } from '../app.js';
import type { MultipleChoiceSpec } from './spec.js';

/** What a pipeline takes, by these names or by those of the task's columns; `question` only where the task has one. */
export type MultipleChoiceInput =
  | { readonly context: string; readonly question?: string; readonly choices: readonly string[] }
  | Readonly<Record<string, string | readonly string[]>>;

function rowOf(spec: MultipleChoiceSpec, input: unknown, index: number): Row {
  const place = { file: 'input', line: index + 1 };
  const { firstSequence: first, secondSequence: second } = spec;
  const names = ['context', ...(second === null ? [] : ['question'])];
  const wrong = (got: string) =>
    new EasyNlpError('APP_INPUT', {
      index: index + 1,
      expected: `an object with ${names.join(', ')} and choices, a list`,
      got,
    });
  const offered = spec.choices !== null;
  // With choices for all texts, a text or a pair says everything.
  if (offered && second === null && typeof input === 'string')
    return { values: { [first]: input }, ...place };
  if (offered && second !== null && Array.isArray(input) && input.length === 2) {
    return { values: { [first]: input[0], [second]: input[1] }, ...place };
  }
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw wrong(
      Array.isArray(input) ? `an array of ${input.length}` : input === null ? 'null' : typeof input,
    );
  }
  const values = input as Row['values'];
  const text = values[first] ?? values.context;
  const question = second === null ? '' : (values[second] ?? values.question);
  const choices = values[spec.choicesName[0]!] ?? values.choices;
  if (typeof text !== 'string' || typeof question !== 'string' || (choices === undefined && !offered)) {
    throw wrong(`an object with ${Object.keys(values).join(', ') || 'nothing'}`);
  }
  return {
    values: { ...values, [first]: text, ...(second === null ? {} : { [second]: question }) },
    ...place,
  };
}

export const choiceInputs: App<MultipleChoiceSpec>['inputs'] = {
  schema: ({ secondSequence, choices }) => {
    const list = z.array(z.string().min(1)).min(2).meta({ description: 'the choices, two or more' });
    return z.object({
      context: z.string().meta({ description: 'the text that the choices are about' }),
      ...(secondSequence === null ? {} : { question: z.string().meta({ description: 'the question' }) }),
      choices: choices === null ? list : list.optional(),
    });
  },
  columns: ({ firstSequence, secondSequence, choicesName, choices, labelName, groupName }, { labels }) => [
    firstSequence,
    ...(secondSequence === null ? [] : [secondSequence]),
    ...(choices === null ? choicesName : []),
    ...(labels ? [labelName] : []),
    ...(labels && groupName !== null ? [groupName] : []),
  ],
  row: rowOf,
};
