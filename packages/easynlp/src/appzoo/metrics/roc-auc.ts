import { checkClasses, checkSameLength } from './confusion-matrix.js';

export interface RocAucOptions {
  /** Number of classes; 2 by default. With 2, the scores may be one per row (of the positive class). */
  readonly classes?: number;
  /** With two classes: which one is positive (default 1). */
  readonly positive?: number;
  /** With more classes: how the one-versus-rest areas are averaged (default `macro`). */
  readonly average?: 'macro' | 'weighted';
}

/** Area from scores of the positive and the negative rows, both sorted ascending. */
function area(positives: Float64Array, negatives: Float64Array): number {
  // Mann–Whitney: each positive row wins over the negative rows below it and half-wins over equal ones.
  let wins = 0;
  let below = 0;
  let notAbove = 0;
  for (const score of positives) {
    while (below < negatives.length && negatives[below]! < score) below++;
    while (notAbove < negatives.length && negatives[notAbove]! <= score) notAbove++;
    wins += (below + notAbove) / 2;
  }
  return wins / (positives.length * negatives.length);
}

function oneVersusRest(
  gold: ArrayLike<number>,
  positive: number,
  score: (row: number) => number,
): number | null {
  let support = 0;
  for (let i = 0; i < gold.length; i++) if (gold[i] === positive) support++;
  if (support === 0 || support === gold.length) return null;
  const positives = new Float64Array(support);
  const negatives = new Float64Array(gold.length - support);
  for (let i = 0, p = 0, n = 0; i < gold.length; i++) {
    const value = score(i);
    if (Number.isNaN(value))
      throw new RangeError(`The score of row ${i} is NaN: the area under the curve is undefined.`);
    if (gold[i] === positive) positives[p++] = value;
    else negatives[n++] = value;
  }
  return area(positives.sort(), negatives.sort());
}

/**
 * Area under the ROC curve; ties count half. For more than two classes, the mean of the one-versus-rest areas
 * (scikit-learn's `roc_auc_score(multi_class='ovr')`).
 *
 * @param gold class indices, shape [rows]
 * @param scores any monotone score: probabilities or logits; shape [rows] for two classes, or row-major
 *   [rows, classes]. For more than two classes pass probabilities: logits of different rows do not compare.
 * @returns from 0 to 1; null (never NaN, which JSON lacks) when undefined because a class has no rows
 */
export function rocAuc(
  gold: ArrayLike<number>,
  scores: ArrayLike<number>,
  { classes = 2, positive = 1, average = 'macro' }: RocAucOptions = {},
): number | null {
  checkClasses(gold, classes, 'gold');
  if (classes === 2 && scores.length === gold.length) {
    checkSameLength(gold, scores, 'scores');
    return oneVersusRest(gold, positive, (row) => scores[row]!);
  }
  checkSameLength(gold, { length: scores.length / classes }, `rows of ${classes} scores`);
  if (classes === 2) {
    // The difference ranks logits as their softmax would.
    return oneVersusRest(
      gold,
      positive,
      (row) => scores[row * 2 + positive]! - scores[row * 2 + 1 - positive]!,
    );
  }
  let sum = 0;
  let weights = 0;
  for (let c = 0; c < classes; c++) {
    const value = oneVersusRest(gold, c, (row) => scores[row * classes + c]!);
    if (value === null) return null;
    let weight = 1;
    if (average === 'weighted') {
      weight = 0;
      for (let i = 0; i < gold.length; i++) if (gold[i] === c) weight++;
    }
    sum += weight * value;
    weights += weight;
  }
  return sum / weights;
}
