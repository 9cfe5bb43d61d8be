import { nn } from '@easynlp/torch';
import { z } from 'zod';
import type { Row } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { AutoModelForSequenceClassification } from '../../modelzoo/index.js';
import type { App, AppModel } from '../app.js';
import { decodeTexts, type TextClassifyResult, textClassifyColumns } from './decode.js';
import { collateTexts, type EncodedText, encodeTexts } from './encode.js';
import { textClassifyMetrics } from './metrics.js';
import { prepareTextClassify, type TextClassifySpec } from './spec.js';

export type { LabelScore, TextClassifyResult } from './decode.js';
export type { TextClassifySpec } from './spec.js';

/** What a pipeline takes as one input. */
export type TextClassifyInput = string | readonly [string, string] | Readonly<Record<string, string>>;

function rowOf(spec: TextClassifySpec, input: unknown, index: number): Row {
  const place = { file: 'input', line: index + 1 };
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

/** Single-label classification of one text or of a pair of texts. */
export const textClassify: App<TextClassifySpec, EncodedText, TextClassifyResult> = {
  name: 'text_classify',
  title: 'Text classification',
  description: 'one label for a text or a pair of texts',
  prepare: prepareTextClassify,
  inputs: {
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
  },
  encode: encodeTexts,
  collate: collateTexts,
  async head(spec, source, options = {}): Promise<AppModel> {
    const numLabels = spec.labels.length;
    const id2label = Object.fromEntries(spec.labels.map((label, i) => [i, label]));
    if (source.kind === 'config') {
      return AutoModelForSequenceClassification.fromConfig({ ...source.config, id2label }, { numLabels });
    }
    return AutoModelForSequenceClassification.fromPretrained(source.folder, {
      numLabels,
      id2label,
      ...(options.onInfo ? { onInfo: options.onInfo } : {}),
    });
  },
  loss: (outputs, inputs) => nn.functional.crossEntropy(outputs.logits!, inputs.labels!),
  decode: decodeTexts,
  columns: textClassifyColumns,
  metrics: textClassifyMetrics,
};
