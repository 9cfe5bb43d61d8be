import { z } from 'zod';
import type { Row } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import type { App } from '../app.js';
import {
  askForArguments,
  decodeExtraction,
  type ExtractionResult,
  extractionColumns,
  joinExtraction,
} from './answers.js';
import { encodeExtraction, textsOfRow } from './ask.js';
import { collateExtraction } from './collate.js';
import { type ExtractionUnit, trainedUnits } from './encode.js';
import { extractionLoss } from './loss.js';
import { extractionMetrics } from './metrics.js';
import { extractionModel } from './model.js';
import { extractionEvaluateOptions, extractionPredictOptions, extractionTrainOptions } from './options.js';
import { predictExtraction } from './predict.js';
import { adjustExtraction, type ExtractionSpec, prepareExtraction } from './spec.js';

export type { ExtractedArgument, ExtractedEntity, ExtractedSpan, ExtractionResult } from './answers.js';
export { multiLabelLoss } from './loss.js';
export type { ExtractionTrainOptions } from './options.js';
export { type ExtractionScheme, type ExtractionType, formatScheme, parseScheme } from './scheme.js';
export type { ExtractionSpec } from './spec.js';

/** What a pipeline takes: a text, or one with its own scheme of what to look for. */
export type ExtractionInput =
  | string
  | { readonly text: string; readonly scheme?: string }
  | Readonly<Record<string, string>>;

function rowOf(spec: ExtractionSpec, input: unknown, index: number): Row {
  const place = { file: 'input', line: index + 1 };
  const wrong = (got: string) =>
    new EasyNlpError('APP_INPUT', {
      index: index + 1,
      expected: 'a text, or an object with text and scheme',
      got,
    });
  if (typeof input === 'string') return { values: { [spec.firstSequence]: input }, ...place };
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw wrong(
      input === null ? 'null' : Array.isArray(input) ? `an array of ${input.length}` : typeof input,
    );
  }
  const values = input as Row['values'];
  const text = values[spec.firstSequence] ?? values.text ?? values.content;
  const scheme = values[spec.schemeName] ?? values.scheme;
  if (typeof text !== 'string' || (scheme !== undefined && typeof scheme !== 'string')) {
    throw wrong(`an object with ${Object.keys(values).join(', ') || 'nothing'}`);
  }
  return {
    values: {
      ...values,
      [spec.firstSequence]: text,
      ...(scheme === undefined ? {} : { [spec.schemeName]: scheme }),
    },
    ...place,
  };
}

/** K-Global-Pointer: entities and events, asked for by their types and roles. */
export const informationExtraction: App<ExtractionSpec, ExtractionUnit, ExtractionResult> = {
  name: 'information_extraction',
  title: 'Information extraction',
  description: 'entities and events in a text, by the types and roles that are asked for',
  options: extractionTrainOptions,
  evaluateOptions: extractionEvaluateOptions,
  predictOptions: extractionPredictOptions,
  prepare: prepareExtraction as App<ExtractionSpec>['prepare'],
  predictData: predictExtraction,
  adjust: adjustExtraction,
  inputs: {
    schema: () =>
      z.object({
        text: z.string().meta({ description: 'the text' }),
        scheme: z.string().optional().meta({ description: 'types, or events with roles, to look for' }),
      }),
    // What is predicted may name its text otherwise than the training data; each row is looked at.
    columns: ({ input, firstSequence, instructionName, labelName }, { labels }) =>
      !labels ? [] : input === 'questions' ? [instructionName, 'start', 'end'] : [firstSequence, labelName],
    row: rowOf,
  },
  texts: textsOfRow,
  encode: encodeExtraction,
  parts: ({ text }) => text.units,
  trainedParts: ({ text }, { negatives }) =>
    negatives === null ? text.units : trainedUnits(text, negatives),
  join: joinExtraction,
  followUp: askForArguments,
  collate: collateExtraction,
  head: extractionModel,
  loss: extractionLoss,
  decode: decodeExtraction,
  columns: extractionColumns,
  metrics: extractionMetrics,
};
