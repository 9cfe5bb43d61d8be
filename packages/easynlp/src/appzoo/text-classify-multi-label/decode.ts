import type { AppContext, HostOutputs } from '../app.js';
import type { LabelScore } from '../sequence/index.js';
import { fixedThresholds, type MultiLabelSpec } from './spec.js';

/** One label of a text: whether it is given depends on its threshold. */
export interface LabelSetScore extends LabelScore {
  /** The label is given from this probability on. */
  readonly threshold: number;
}

/** The labels of one text, possibly none. */
export interface LabelSetResult {
  /** From the most to the least probable. */
  readonly labels: readonly string[];
  /** All labels of the task in the same order, given or not. */
  readonly scores: readonly LabelSetScore[];
}

/** 1 / (1 + e⁻ˣ) in float64. */
export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

export const thresholdsOf = (spec: MultiLabelSpec): readonly number[] =>
  spec.thresholds ?? fixedThresholds(spec);

/** logits [B, L] → the label set of each row. */
export function decodeLabelSets(
  outputs: HostOutputs,
  { spec }: Pick<AppContext<MultiLabelSpec>, 'spec'>,
): LabelSetResult[] {
  const { data, shape } = outputs.logits!;
  const width = spec.labels.length;
  const thresholds = thresholdsOf(spec);
  return Array.from({ length: shape[0]! }, (_, r) => {
    const scores = spec.labels
      .map((label, l): LabelSetScore => {
        const logit = data[r * width + l]!;
        return { label, probability: sigmoid(logit), logit, threshold: thresholds[l]! };
      })
      .sort((a, b) => b.logit - a.logit);
    return { labels: scores.filter((s) => s.probability >= s.threshold).map((s) => s.label), scores };
  });
}

type Column = (result: LabelSetResult, context: AppContext<MultiLabelSpec>) => string;

const inOrder =
  (field: 'probability' | 'logit'): Column =>
  ({ scores }, { spec }) => {
    const byLabel = new Map(scores.map((s) => [s.label, s[field]]));
    return spec.labels.map((label) => String(Math.fround(byLabel.get(label)!))).join(',');
  };

/** Columns of EasyNLP's `output_schema`; `predictions` can be read again as a column of labels. */
export const labelSetColumns: Readonly<Record<string, Column>> = {
  predictions: ({ labels }, { spec }) =>
    spec.labels.some((label) => label.includes(spec.labelSeparator))
      ? JSON.stringify(labels)
      : labels.join(spec.labelSeparator),
  probabilities: inOrder('probability'),
  logits: inOrder('logit'),
  output: ({ labels, scores }) =>
    JSON.stringify(
      scores
        .filter(({ label }) => labels.includes(label))
        .map(({ label, probability, logit }) => ({ pred: label, prob: probability, logit })),
    ),
};
