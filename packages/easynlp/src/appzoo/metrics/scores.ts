import { meanScores, scoresOf, total } from './classification-report.js';
import { checkClasses, checkSameLength, classCounts, confusionMatrix } from './confusion-matrix.js';

/** Share of rows whose predicted class is the gold class; both of shape [rows], at least one row. */
export function accuracy(gold: ArrayLike<number>, predicted: ArrayLike<number>): number {
  checkSameLength(gold, predicted, 'predictions');
  let hits = 0;
  for (let i = 0; i < gold.length; i++) if (gold[i] === predicted[i]) hits++;
  return hits / gold.length;
}

export type F1Average = 'macro' | 'micro' | 'binary' | 'weighted';

export interface F1Options {
  readonly average: F1Average;
  /** For `binary`: the class whose F1 is wanted (default 1). */
  readonly positive?: number;
  /**
   * How many classes there are. With it, classes that occur in neither list count as 0 in `macro` (as in the
   * report); without it, only classes that occur are averaged, which is scikit-learn's default.
   */
  readonly classes?: number;
}

/** F1 over class indices of shape [rows]; a class with neither gold nor predicted rows has F1 0. */
export function f1Score(
  gold: ArrayLike<number>,
  predicted: ArrayLike<number>,
  { average, positive = 1, classes }: F1Options,
): number {
  const all = classCounts(confusionMatrix(gold, predicted, classes));
  const counts = classes === undefined ? all.filter((count) => count.support + count.predicted > 0) : all;
  switch (average) {
    case 'binary': {
      const count = all[positive];
      return count === undefined ? 0 : scoresOf(count).f1;
    }
    case 'micro':
      return scoresOf(total(counts)).f1;
    case 'macro':
      return meanScores(counts, () => 1).f1;
    case 'weighted':
      return meanScores(counts, (count) => count.support).f1;
  }
}

/**
 * Matthews correlation coefficient, from -1 to 1; for more than two classes the R_K statistic (Gorodkin,
 * "Comparing two K-category assignments by a K-category correlation coefficient", 2004, eq. 8).
 * 0 when undefined, i.e. when all rows have one gold class or one predicted class.
 */
export function matthewsCorrCoef(gold: ArrayLike<number>, predicted: ArrayLike<number>): number {
  const counts = classCounts(confusionMatrix(gold, predicted));
  const rows = gold.length;
  let covariance = 0;
  let goldVariance = 0;
  let predictedVariance = 0;
  for (const { hits, predicted: p, support } of counts) {
    covariance += hits * rows - p * support;
    predictedVariance += p * (rows - p);
    goldVariance += support * (rows - support);
  }
  const scale = Math.sqrt(goldVariance * predictedVariance);
  if (scale === 0) return 0;
  return Math.max(-1, Math.min(1, covariance / scale)); // rounding may pass 1 by one unit in the last place
}

export interface CrossEntropyOptions {
  readonly classes: number;
  /** What the scores are; `probabilities` are clipped away from 0 and 1 as scikit-learn's `log_loss` does. */
  readonly from: 'logits' | 'probabilities';
}

/**
 * Mean of -log p(gold class), in nats.
 *
 * @param gold class indices, shape [rows]
 * @param scores row-major, shape [rows, classes]
 */
export function crossEntropy(
  gold: ArrayLike<number>,
  scores: ArrayLike<number>,
  { classes, from }: CrossEntropyOptions,
): number {
  checkSameLength(gold, { length: scores.length / classes }, `rows of ${classes} scores`);
  checkClasses(gold, classes, 'gold');
  // The spacing of numbers at 1, which depends on the precision that the probabilities were computed in.
  const epsilon = scores instanceof Float32Array ? 2 ** -23 : Number.EPSILON;
  const clip = (p: number) => Math.min(Math.max(p, epsilon), 1 - epsilon);
  let sum = 0;
  for (let i = 0; i < gold.length; i++) {
    const start = i * classes;
    const wanted = scores[start + gold[i]!]!;
    let whole = 0;
    if (from === 'logits') {
      let largest = Number.NEGATIVE_INFINITY;
      for (let c = 0; c < classes; c++) largest = Math.max(largest, scores[start + c]!);
      for (let c = 0; c < classes; c++) whole += Math.exp(scores[start + c]! - largest);
      sum += Math.log(whole) - (wanted - largest);
    } else {
      for (let c = 0; c < classes; c++) whole += clip(scores[start + c]!);
      sum -= Math.log(clip(wanted) / whole);
    }
  }
  return sum / gold.length;
}
