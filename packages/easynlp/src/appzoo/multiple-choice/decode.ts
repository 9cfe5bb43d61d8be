import type { AppContext, HostOutputs } from '../app.js';
import { softmaxRow } from '../sequence/index.js';
import type { EncodedQuestion } from './encode.js';
import type { MultipleChoiceSpec } from './spec.js';

/** One choice's share of a prediction. */
export interface ChoiceScore {
  readonly choice: string;
  /** Its position among the choices, from 0. */
  readonly index: number;
  readonly probability: number;
  readonly logit: number;
}

/** The best choice, and all of them from the most to the least probable. */
export interface MultipleChoiceResult extends ChoiceScore {
  readonly scores: readonly ChoiceScore[];
}

/** The scores of each question's choices, out of logits [N, 1]. */
export function* scoresOf(
  { logits }: HostOutputs,
  rows: readonly EncodedQuestion[],
): Generator<readonly [EncodedQuestion, Float32Array]> {
  let at = 0;
  for (const row of rows) {
    yield [row, logits!.data.subarray(at, at + row.choices.length)];
    at += row.choices.length;
  }
}

export function decodeQuestions(
  outputs: HostOutputs,
  _context: AppContext<MultipleChoiceSpec>,
  rows: readonly EncodedQuestion[],
): MultipleChoiceResult[] {
  return Array.from(scoresOf(outputs, rows), ([{ choices }, logits]) => {
    const probabilities = softmaxRow(logits);
    const scores = choices
      .map((choice, index) => ({ choice, index, probability: probabilities[index]!, logit: logits[index]! }))
      // Equal scores keep the order of the choices.
      .sort((a, b) => b.logit - a.logit);
    return { ...scores[0]!, scores };
  });
}

type Column = (result: MultipleChoiceResult) => string;

/** Values in the order of the choices, not of the scores. */
const inOrder =
  (field: 'probability' | 'logit'): Column =>
  ({ scores }) =>
    [...scores]
      .sort((a, b) => a.index - b.index)
      .map((score) => String(Math.fround(score[field])))
      .join(',');

export const choiceColumns: Readonly<Record<string, Column>> = {
  predictions: ({ choice }) => choice,
  index: ({ index }) => String(index),
  probabilities: inOrder('probability'),
  logits: inOrder('logit'),
  output: ({ scores }) => JSON.stringify(scores),
};
