import { softmax, type Tensor, tidy } from '@easynlp/torch';

/** A row as the prototypes see it. */
export interface PrototypeRow {
  /** Representation, [H]. */
  readonly feature: ArrayLike<number>;
  readonly task: number;
  /** Equal names are the same label in all tasks of the group. */
  readonly label: string;
}

/**
 * - `ratio`, the paper's: how much of the similarity to all prototypes of a task falls on the row's own label, with
 *   (1 + cos) / 2 as similarity.
 * - `distance`, EasyNLP's: the negative Euclidean distance to the prototype of the own label.
 */
export type PrototypeForm = 'ratio' | 'distance';

/**
 * Prototype-based de-biasing, Wang et al. 2021: rows that are typical of their label in every task of the group count
 * more than those that are typical of one task only,
 *
 *     s(x) = ζ·t(x, own task) + (1 − ζ) · mean over the other tasks of t(x, task),
 *
 * with the prototype of (task, label) being the mean of its rows, and t by the form above. Tasks that do not have the
 * row's label are left out; where no other has it, ζ is 1.
 *
 * @param zeta ζ (EasyNLP's α); default 0.5
 * @returns one score a row
 */
export function prototypeScores(
  rows: readonly PrototypeRow[],
  { zeta = 0.5, form = 'ratio' }: { readonly zeta?: number; readonly form?: PrototypeForm } = {},
): Float64Array {
  const prototypes = prototypesOf(rows);
  return Float64Array.from(rows, ({ feature, task, label }) => {
    const typical = (labels: ReadonlyMap<string, Float64Array>) => {
      if (form === 'distance') return -distance(feature, labels.get(label)!);
      const similarity = (name: string) => (1 + cosine(feature, labels.get(name)!)) / 2;
      const all = [...labels.keys()].reduce((sum, name) => sum + similarity(name), 0);
      return similarity(label) / Math.max(all, 1e-12);
    };
    const own = typical(prototypes.get(task)!);
    const others = [...prototypes].filter(([t, labels]) => t !== task && labels.has(label));
    if (others.length === 0) return own;
    const mean = others.reduce((sum, [, labels]) => sum + typical(labels), 0) / others.length;
    return zeta * own + (1 - zeta) * mean;
  });
}

/** Means of the rows of each task and label. */
function prototypesOf(rows: readonly PrototypeRow[]): Map<number, Map<string, Float64Array>> {
  const prototypes = new Map<number, Map<string, Float64Array>>();
  const counts = new Map<Float64Array, number>();
  for (const { feature, task, label } of rows) {
    const labels = prototypes.get(task) ?? new Map<string, Float64Array>();
    prototypes.set(task, labels);
    const sum = labels.get(label) ?? new Float64Array(feature.length);
    labels.set(label, sum);
    counts.set(sum, (counts.get(sum) ?? 0) + 1);
    for (let i = 0; i < sum.length; i++) sum[i]! += feature[i]!;
  }
  for (const [sum, count] of counts) for (let i = 0; i < sum.length; i++) sum[i]! /= count;
  return prototypes;
}

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return Math.sqrt(sum);
}

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
  }
  return dot / Math.max(Math.sqrt(aa * bb), 1e-12);
}

/**
 * Scores [B] of a batch → weights of its rows, mean 1 where nothing is known against it: the paper's scores are
 * divided by their mean over all rows (given), EasyNLP's become shares of the batch by softmax.
 */
export function rowWeights(scores: Tensor, form: PrototypeForm, meanScore: number): Tensor {
  return tidy(() =>
    form === 'distance'
      ? softmax(scores, { dim: 0 }).mul(scores.size(0))
      : scores.div(Math.max(meanScore, 1e-12)),
  );
}

/** Mean entropy in bits of what the scores [B, C] of the label words say, a scalar. */
export function meanEntropy(logits: Tensor): Tensor {
  return tidy(() => {
    const logs = logits.to({ dtype: logits.dtype === 'float64' ? 'float64' : 'float32' }).logSoftmax(-1);
    return logs
      .exp()
      .mul(logs)
      .sum({ dim: [-1] })
      .mean()
      .div(-Math.LN2);
  });
}

/**
 * The loss of the meta-learner: weighted cross entropy − λ·H. The entropy term keeps it from being too sure of any one
 * task (λ > 0, the paper's de-biasing); EasyNLP without its switch adds the entropy instead (λ < 0).
 *
 * @param rowLosses cross entropies [B]
 */
export function debiasedLoss(
  rowLosses: Tensor,
  weights: Tensor | null,
  logits: Tensor,
  lambda: number,
): { loss: Tensor; entropy: Tensor } {
  return tidy(() => {
    const weighted = (weights ? rowLosses.mul(weights) : rowLosses).mean();
    const entropy = meanEntropy(logits);
    return { loss: lambda === 0 ? weighted : weighted.sub(entropy.mul(lambda)), entropy };
  });
}
