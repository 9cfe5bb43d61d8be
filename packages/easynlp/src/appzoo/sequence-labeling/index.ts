import { z } from 'zod';
import type { Row } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import type { App } from '../app.js';
import { decodeLabeling, joinLabeling, type LabelingResult, labelingColumns } from './decode.js';
import { collateLabeling, type EncodedWindow, encodeLabeling } from './encode.js';
import { labelingMetrics } from './metrics.js';
import { type LabelingModel, labelingLoss, labelingModel } from './model.js';
import { labelingPredictOptions, labelingTrainOptions } from './options.js';
import { predictLabels } from './predict.js';
import { adjustLabeling, type LabelingSpec, prepareLabeling, pretrainedLabeling } from './spec.js';

export { LinearChainCrf } from './crf.js';
export type { Entity, LabelingResult } from './decode.js';
export { TagLattice, type Transitions } from './lattice.js';
export type { LabelingTrainOptions } from './options.js';
export { convertTags, detectScheme, TAG_SCHEMES, type TagScheme } from './schemes.js';
export { type SpanScore, type SpanScoreOptions, type SpanScores, spanScores } from './span-scores.js';
export type { LabelingSpec } from './spec.js';

/** What a pipeline takes: a text, a list of tokens (`[['张', '三']]` for one), or an object with either. */
export type LabelingInput = string | readonly string[] | Readonly<Record<string, string | readonly string[]>>;

function rowOf({ firstSequence }: LabelingSpec, input: unknown, index: number): Row {
  const place = { file: 'input', line: index + 1 };
  const strings = (value: unknown): value is string | readonly string[] =>
    typeof value === 'string' || (Array.isArray(value) && value.every((item) => typeof item === 'string'));
  if (strings(input)) return { values: { [firstSequence]: input }, ...place };
  if (typeof input === 'object' && input !== null && !Array.isArray(input)) {
    const values = input as Row['values'];
    const text = values[firstSequence] ?? values.text ?? values.tokens;
    if (strings(text)) return { values: { ...values, [firstSequence]: text }, ...place };
  }
  throw new EasyNlpError('APP_INPUT', {
    index: index + 1,
    expected: `a text, a list of tokens, or an object with ${firstSequence}`,
    got:
      input === null
        ? 'null'
        : Array.isArray(input)
          ? 'a list of other things'
          : typeof input === 'object'
            ? `an object with ${Object.keys(input).join(', ') || 'nothing'}`
            : typeof input,
  });
}

/** Entities in texts: a tag for each character or word. */
export const sequenceLabeling: App<LabelingSpec, EncodedWindow, LabelingResult> = {
  name: 'sequence_labeling',
  title: 'Sequence labelling',
  description: 'entities in a text: a tag for each character or word',
  options: labelingTrainOptions,
  predictOptions: labelingPredictOptions,
  prepare: prepareLabeling as App<LabelingSpec>['prepare'],
  pretrainedSpec: pretrainedLabeling,
  adjust: adjustLabeling,
  predictData: predictLabels,
  inputs: {
    schema: ({ firstSequence }) =>
      z.object({
        [firstSequence]: z.union([z.string(), z.array(z.string())]).meta({ description: 'the text' }),
      }),
    columns: ({ firstSequence, labelName }, { labels }) => [firstSequence, ...(labels ? [labelName] : [])],
    row: rowOf,
  },
  encode: encodeLabeling,
  parts: ({ sentence }) => sentence.windows,
  join: joinLabeling,
  collate: collateLabeling,
  head: labelingModel,
  groups: (model) => (model as LabelingModel).groups(),
  loss: labelingLoss,
  decode: decodeLabeling,
  columns: labelingColumns,
  metrics: labelingMetrics,
};
