import { type ClassCounts, type ConfusionMatrix, classCounts, confusionMatrix } from './confusion-matrix.js';

/** All from 0 to 1. Where a denominator is zero (a class never predicted, or absent) the value is 0. */
export interface PrecisionRecall {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

export interface ClassReport extends PrecisionRecall {
  readonly label: string;
  /** Rows whose gold class this is. */
  readonly support: number;
}

export interface ClassificationReport {
  /** Rows. */
  readonly support: number;
  readonly accuracy: number;
  /** One entry per label, in the order given. */
  readonly classes: readonly ClassReport[];
  /** Unweighted mean over all labels, also those that occur nowhere. */
  readonly macro: PrecisionRecall;
  /** From the counts of all classes together; for single-label data all three equal the accuracy. */
  readonly micro: PrecisionRecall;
  /** Mean over labels weighted by their support. */
  readonly weighted: PrecisionRecall;
  readonly confusion: ConfusionMatrix;
}

/** Zero division gives 0, as scikit-learn's `zero_division=0`. */
const ratio = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);

export function scoresOf({ hits, predicted, support }: ClassCounts): PrecisionRecall {
  return {
    precision: ratio(hits, predicted),
    recall: ratio(hits, support),
    f1: ratio(2 * hits, predicted + support),
  };
}

export function total(counts: readonly ClassCounts[]): ClassCounts {
  const sum = (field: keyof ClassCounts) => counts.reduce((result, count) => result + count[field], 0);
  return { hits: sum('hits'), predicted: sum('predicted'), support: sum('support') };
}

export function meanScores(
  counts: readonly ClassCounts[],
  weight: (count: ClassCounts) => number,
): PrecisionRecall {
  const whole = counts.reduce((sum, count) => sum + weight(count), 0);
  const mean = (field: keyof PrecisionRecall) =>
    ratio(
      counts.reduce((sum, count) => sum + weight(count) * scoresOf(count)[field], 0),
      whole,
    );
  return { precision: mean('precision'), recall: mean('recall'), f1: mean('f1') };
}

/**
 * Precision, recall and F1 of every class and their averages, as scikit-learn's
 * `classification_report(gold, predicted, labels=range(len(labels)), zero_division=0)` defines them.
 *
 * @param gold class indices, shape [rows]
 * @param predicted class indices, shape [rows]
 * @param labels names of the classes 0, 1, …
 * @throws RangeError when the lengths differ, are zero, or an index has no label
 *
 * @example
 * classificationReport([0, 1, 1], [0, 1, 0], ['差评', '好评']).macro.f1; // 0.666…
 */
export function classificationReport(
  gold: ArrayLike<number>,
  predicted: ArrayLike<number>,
  labels: readonly string[],
): ClassificationReport {
  const confusion = confusionMatrix(gold, predicted, labels.length);
  const counts = classCounts(confusion);
  const all = total(counts);
  return {
    support: all.support,
    accuracy: all.hits / all.support,
    classes: counts.map((count, c) => ({ label: labels[c]!, ...scoresOf(count), support: count.support })),
    macro: meanScores(counts, () => 1),
    micro: scoresOf(all),
    weighted: meanScores(counts, (count) => count.support),
    confusion,
  };
}
