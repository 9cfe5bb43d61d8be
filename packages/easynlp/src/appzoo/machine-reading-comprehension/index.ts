import { z } from 'zod';
import type { Row } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { AutoModelForQuestionAnswering } from '../../modelzoo/index.js';
import type { App, AppModel } from '../app.js';
import { decodeReading, joinReading, type ReadingResult, readingColumns } from './answers.js';
import { collateReading, type EncodedWindow, encodeReading } from './encode.js';
import { readingLoss } from './loss.js';
import { readingMetrics } from './metrics.js';
import { readingEvaluateOptions, readingPredictOptions, readingTrainOptions } from './options.js';
import { predictReading } from './predict.js';
import { adjustReading, prepareReading, pretrainedReading, type ReadingSpec } from './spec.js';

export type { AnswerCandidate, ReadingResult } from './answers.js';
export type { ReadingTrainOptions } from './options.js';
export { type AnswerScore, scoreAnswer } from './scores.js';
export type { ReadingLanguage, ReadingSpec } from './spec.js';

/** What a pipeline takes: a question and its text, by these names, by those of the task's columns, or as a pair. */
export type ReadingInput =
  | { readonly question: string; readonly context: string }
  | readonly [question: string, context: string]
  | Readonly<Record<string, string>>;

function rowOf(spec: ReadingSpec, input: unknown, index: number): Row {
  const place = { file: 'input', line: index + 1 };
  const wrong = (got: string) =>
    new EasyNlpError('APP_INPUT', {
      index: index + 1,
      expected: 'an object with question and context ([[question, context]] for one pair)',
      got,
    });
  const { firstSequence, secondSequence } = spec;
  if (Array.isArray(input)) {
    if (input.length !== 2 || !input.every((text) => typeof text === 'string')) {
      throw wrong(`an array of ${input.length}`);
    }
    return { values: { [firstSequence]: input[0], [secondSequence]: input[1] }, ...place };
  }
  if (typeof input !== 'object' || input === null) {
    throw wrong(input === null ? 'null' : typeof input === 'string' ? 'one text' : typeof input);
  }
  const values = input as Row['values'];
  const question = values[firstSequence] ?? values.question;
  const context = values[secondSequence] ?? values.context;
  if (typeof question !== 'string' || typeof context !== 'string') {
    throw wrong(`an object with ${Object.keys(values).join(', ') || 'nothing'}`);
  }
  return { values: { ...values, [firstSequence]: question, [secondSequence]: context }, ...place };
}

/** The answer to a question, found in a text. */
export const machineReadingComprehension: App<ReadingSpec, EncodedWindow, ReadingResult> = {
  name: 'machine_reading_comprehension',
  title: 'Reading comprehension',
  description: 'the part of a text that answers a question',
  options: readingTrainOptions,
  evaluateOptions: readingEvaluateOptions,
  predictOptions: readingPredictOptions,
  prepare: prepareReading as App<ReadingSpec>['prepare'],
  predictData: predictReading,
  pretrainedSpec: pretrainedReading,
  adjust: adjustReading,
  inputs: {
    schema: () =>
      z.object({
        question: z.string().meta({ description: 'the question' }),
        context: z.string().meta({ description: 'the text that has the answer' }),
      }),
    columns: ({ firstSequence, secondSequence, answerName }, { labels }) => [
      firstSequence,
      secondSequence,
      ...(labels ? [answerName] : []),
    ],
    row: rowOf,
  },
  encode: encodeReading,
  parts: ({ question }) => question.windows,
  join: joinReading,
  collate: collateReading,
  async head(_spec, source, options = {}): Promise<AppModel> {
    return source.kind === 'config'
      ? AutoModelForQuestionAnswering.fromConfig(source.config, { numLabels: 2 })
      : AutoModelForQuestionAnswering.fromPretrained(source.folder, {
          numLabels: 2,
          ...(options.onInfo ? { onInfo: options.onInfo } : {}),
        });
  },
  loss: readingLoss,
  decode: decodeReading,
  columns: readingColumns,
  metrics: readingMetrics,
  calibrate: (spec, { no_answer_threshold: threshold }) =>
    spec.unanswerable ? { ...spec, unanswerableThreshold: threshold ?? spec.unanswerableThreshold } : spec,
};
