import type { AppContext, HostOutputs } from '../app.js';
import type { ClassificationSpec } from './spec.js';

/** One label's share of a prediction. */
export interface LabelScore {
  readonly label: string;
  readonly probability: number;
  readonly logit: number;
}

/** The prediction for one text or pair: the best label, and all of them from the most to the least probable. */
export interface ClassificationResult extends LabelScore {
  readonly scores: readonly LabelScore[];
}

export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

/** Softmax of one row in float64. */
export function softmaxRow(logits: ArrayLike<number>): Float64Array {
  const out = Float64Array.from(logits);
  const max = out.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  let sum = 0;
  for (let i = 0; i < out.length; i++) {
    out[i] = Math.exp(out[i]! - max);
    sum += out[i]!;
  }
  return out.map((v) => v / sum);
}

/** logits [B, C] → one result a row. */
export function decodeClasses(
  outputs: HostOutputs,
  { spec }: AppContext<ClassificationSpec>,
): ClassificationResult[] {
  const { data, shape } = outputs.logits!;
  const classes = spec.labels.length;
  return Array.from({ length: shape[0]! }, (_, r) => {
    const logits = data.subarray(r * classes, (r + 1) * classes);
    const probabilities = softmaxRow(logits);
    const scores = spec.labels
      .map((label, i) => ({ label, probability: probabilities[i]!, logit: logits[i]! }))
      // Equal logits keep the order of the labels, as argmax does.
      .sort((a, b) => b.logit - a.logit);
    return { ...scores[0]!, scores };
  });
}

type Column = (result: ClassificationResult, context: AppContext<ClassificationSpec>) => string;

/** Values in the order of the labels, not of the scores. */
const inOrder =
  (field: 'probability' | 'logit'): Column =>
  ({ scores }, { spec }) => {
    const byLabel = new Map(scores.map((s) => [s.label, s[field]]));
    return spec.labels.map((label) => String(Math.fround(byLabel.get(label)!))).join(',');
  };

/** Columns of EasyNLP's `output_schema`. */
export const classificationColumns: Readonly<Record<string, Column>> = {
  predictions: ({ label }) => label,
  probabilities: inOrder('probability'),
  logits: inOrder('logit'),
  output: ({ scores }) =>
    JSON.stringify(
      scores.map(({ label, probability, logit }) => ({ pred: label, prob: probability, logit })),
    ),
};
