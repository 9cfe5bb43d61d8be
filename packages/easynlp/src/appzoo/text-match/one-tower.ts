import type { TrainConfig } from '../../config/index.js';
import type { DataSource } from '../../datahub/index.js';
import type { App } from '../app.js';
import {
  type ClassificationResult,
  type ClassificationSpec,
  classificationLabels,
  classifierApp,
  type EncodedText,
  trainedByEasyNlp,
} from '../sequence/index.js';
import { labelColumn, pairColumns } from './columns.js';

/** Pairs of texts and the labels that they may have. */
export interface TextMatchSpec extends ClassificationSpec {
  readonly app: 'text_match';
  readonly secondSequence: string;
}

/** Label of a pair, e.g. 1 where two questions mean the same. */
export type TextMatchResult = ClassificationResult;

async function prepare(config: TrainConfig, source: DataSource): Promise<TextMatchSpec> {
  const pair = await pairColumns(config, source);
  const labelName = await labelColumn(config, source);
  return {
    app: 'text_match',
    sequenceLength: config.sequenceLength,
    ...pair,
    labelName,
    labels: await classificationLabels(config, source, labelName),
  };
}

/** One tower: both texts go through the encoder together, so that every token of one sees those of the other. */
export const textMatch: App<TextMatchSpec, EncodedText, TextMatchResult> = classifierApp({
  name: 'text_match',
  title: 'Text matching',
  description: 'a label for a pair of texts, read together (one tower)',
  prepare: prepare as App<TextMatchSpec>['prepare'],
  pretrainedSpec(_config, { easynlp }) {
    if (!easynlp?.secondSequence) return null;
    const { secondSequence } = easynlp;
    return { ...trainedByEasyNlp(easynlp), app: 'text_match', secondSequence };
  },
});
