import { nn } from '@easynlp/torch';
import type { TrainConfig } from '../../config/index.js';
import type { DataSource, Row } from '../../datahub/index.js';
import { AutoModelForSequenceClassification } from '../../modelzoo/index.js';
import type { App, AppContext, AppModel, HostOutputs, MetricAccumulator, MetricReport } from '../app.js';
import { pearson, spearman } from '../metrics/index.js';
import {
  collateTexts,
  type EncodedSequence,
  encodeTexts,
  type SequenceSpec,
  sequenceInputs,
} from '../sequence/index.js';
import { labelColumn, pairColumns } from './columns.js';
import { scoreOf, scoreRange } from './scores.js';

/** Pairs of texts with a score each. */
export interface TextMatchRegressionSpec extends SequenceSpec {
  readonly app: 'text_match_regression';
  readonly secondSequence: string;
  /** Smallest and largest score of the training data, for readers; predictions are not cut to it. */
  readonly scoreRange: readonly [number, number];
}

export interface TextMatchScore {
  /** In the units of the training data. */
  readonly score: number;
}

interface ScoredText extends EncodedSequence {
  /** NaN when none was asked for. */
  readonly score: number;
}

async function prepare(config: TrainConfig, source: DataSource): Promise<TextMatchRegressionSpec> {
  const pair = await pairColumns(config, source);
  const labelName = await labelColumn(config, source);
  return {
    app: 'text_match_regression',
    sequenceLength: config.sequenceLength,
    ...pair,
    labelName,
    scoreRange: await scoreRange(source.rows(), labelName),
  };
}

async function encode(
  rows: readonly Row[],
  context: AppContext<TextMatchRegressionSpec>,
  { labels }: { labels: boolean },
): Promise<ScoredText[]> {
  const scores = rows.map((row) => (labels ? scoreOf(row, context.spec.labelName) : Number.NaN));
  const encoded = await encodeTexts(rows, context);
  return encoded.map((row, i) => ({ ...row, score: scores[i]! }));
}

class RegressionMetrics implements MetricAccumulator<ScoredText> {
  private readonly gold: number[] = [];
  private readonly predicted: number[] = [];

  add(outputs: HostOutputs, rows: readonly ScoredText[]): void {
    for (const [r, row] of rows.entries()) {
      this.gold.push(row.score);
      this.predicted.push(outputs.logits!.data[r]!);
    }
  }

  report(): MetricReport {
    const { gold, predicted } = this;
    const mse = gold.reduce((sum, y, i) => sum + (y - predicted[i]!) ** 2, 0) / gold.length;
    return {
      values: {
        spearman: spearman(predicted, gold),
        pearson: pearson(predicted, gold),
        mse: Number.isFinite(mse) ? mse : null,
      },
    };
  }
}

/** One tower with a score instead of a label: how alike two texts are. */
export const textMatchRegression: App<TextMatchRegressionSpec, ScoredText, TextMatchScore> = {
  name: 'text_match_regression',
  title: 'Text similarity',
  description: 'a score for a pair of texts, read together (one tower)',
  prepare: prepare as App<TextMatchRegressionSpec>['prepare'],
  inputs: sequenceInputs,
  encode,
  collate(rows, context, options) {
    const batch = collateTexts(rows, context, options);
    if (rows.some((r) => Number.isNaN(r.score))) return batch;
    const data = Float32Array.from(rows, (r) => r.score);
    return {
      ...batch,
      tensors: { ...batch.tensors, labels: { data, shape: [rows.length], dtype: 'float32' } },
    };
  },
  async head(_spec, source, options = {}): Promise<AppModel> {
    const id2label = { 0: 'score' };
    // One label means regression to transformers, too.
    if (source.kind === 'config') {
      const config = { ...source.config, id2label, problem_type: 'regression' };
      return AutoModelForSequenceClassification.fromConfig(config, { numLabels: 1 });
    }
    return AutoModelForSequenceClassification.fromPretrained(source.folder, {
      numLabels: 1,
      id2label,
      ...(options.onInfo ? { onInfo: options.onInfo } : {}),
    });
  },
  loss: (outputs, inputs) =>
    nn.functional.mseLoss(outputs.logits!.select(1, 0).to({ dtype: 'float32' }), inputs.labels!),
  decode: (outputs) => Array.from(outputs.logits!.data, (score) => ({ score })),
  columns: {
    predictions: ({ score }) => String(Math.fround(score)),
    logits: ({ score }) => String(Math.fround(score)),
    output: (result) => JSON.stringify(result),
  },
  metrics: {
    primary: 'spearman',
    names: {
      spearman: { higherIsBetter: true, description: 'rank correlation of prediction and score' },
      pearson: { higherIsBetter: true, description: 'correlation of prediction and score' },
      mse: { higherIsBetter: false, description: 'mean squared error, in squared units of the scores' },
    },
    create: () => new RegressionMetrics(),
  },
};
