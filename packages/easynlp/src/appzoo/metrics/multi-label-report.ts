import { table, truncateToWidth } from '../../util/index.js';
import { averagePrecision } from './average-precision.js';
import {
  type ClassReport,
  meanScores,
  type PrecisionRecall,
  scoresOf,
  total,
} from './classification-report.js';
import type { ClassCounts } from './confusion-matrix.js';

/** Figures of label sets. Where a denominator is zero the value is 0, as scikit-learn's `zero_division=0`. */
export interface MultiLabelReport {
  /** Rows. */
  readonly rows: number;
  /** One entry per label, in the order given; `support` is the number of rows that have the label. */
  readonly classes: readonly ClassReport[];
  /** Unweighted mean over all labels. */
  readonly macro: PrecisionRecall;
  /** From the counts of all labels together. */
  readonly micro: PrecisionRecall;
  readonly weighted: PrecisionRecall;
  /** Mean over rows. A row that has no label and gets none counts `emptyScore`. */
  readonly samples: PrecisionRecall;
  /** Share of rows whose whole set is right. */
  readonly subsetAccuracy: number;
  /** Share of decisions (row, label) that are wrong. */
  readonly hammingLoss: number;
}

export interface MultiLabelOptions {
  /** What a row without labels that gets none counts for `samples`: 1 (default) as a right answer, or scikit-learn's 0. */
  readonly emptyScore?: 0 | 1;
}

/**
 * Precision, recall and F1 of every label and their averages, as scikit-learn defines them for indicator matrices.
 *
 * @param gold 1 where row r has label l, [rows, labels] row-major
 * @param predicted the same
 * @throws RangeError when the sizes do not fit
 */
export function multiLabelReport(
  gold: ArrayLike<number>,
  predicted: ArrayLike<number>,
  labels: readonly string[],
  { emptyScore = 1 }: MultiLabelOptions = {},
): MultiLabelReport {
  const width = labels.length;
  const rows = checkMatrix(gold, predicted, width);
  const counts = labels.map(() => ({ hits: 0, predicted: 0, support: 0 }));
  const sums = { precision: 0, recall: 0, f1: 0 };
  let exact = 0;
  let wrong = 0;
  for (let r = 0; r < rows; r++) {
    const own = { hits: 0, predicted: 0, support: 0 };
    let misses = 0;
    for (let l = 0; l < width; l++) {
      const g = gold[r * width + l] === 1 ? 1 : 0;
      const p = predicted[r * width + l] === 1 ? 1 : 0;
      for (const count of [counts[l]!, own]) {
        count.hits += g & p;
        count.predicted += p;
        count.support += g;
      }
      misses += g ^ p;
    }
    wrong += misses;
    if (misses === 0) exact++;
    const empty = own.support + own.predicted === 0;
    const scores = empty ? { precision: emptyScore, recall: emptyScore, f1: emptyScore } : scoresOf(own);
    for (const field of ['precision', 'recall', 'f1'] as const) sums[field] += scores[field];
  }
  const all: ClassCounts = total(counts);
  return {
    rows,
    classes: counts.map((count, l) => ({ label: labels[l]!, ...scoresOf(count), support: count.support })),
    macro: meanScores(counts, () => 1),
    micro: scoresOf(all),
    weighted: meanScores(counts, (count) => count.support),
    samples: { precision: sums.precision / rows, recall: sums.recall / rows, f1: sums.f1 / rows },
    subsetAccuracy: exact / rows,
    hammingLoss: wrong / (rows * width),
  };
}

/** @returns the number of rows */
export function checkMatrix(gold: ArrayLike<number>, other: ArrayLike<number>, width: number): number {
  const rows = gold.length / width;
  if (width < 1 || !Number.isInteger(rows) || rows === 0 || gold.length !== other.length) {
    throw new RangeError(
      `${gold.length} and ${other.length} values for ${width} labels: expected two matrices [rows, labels].`,
    );
  }
  return rows;
}

/**
 * Mean over the labels of their average precision, and each of them; null for labels that no row has, which the mean
 * leaves out. All null where no row has any label.
 *
 * @param scores any monotone score of each label, [rows, labels] row-major
 */
export function meanAveragePrecision(
  gold: ArrayLike<number>,
  scores: ArrayLike<number>,
  labels: number,
): { readonly mean: number | null; readonly perLabel: readonly (number | null)[] } {
  checkMatrix(gold, scores, labels);
  const column = (of: ArrayLike<number>, l: number) =>
    Float64Array.from({ length: of.length / labels }, (_, r) => of[r * labels + l]!);
  const perLabel = Array.from({ length: labels }, (_, l) =>
    averagePrecision(column(gold, l), column(scores, l)),
  );
  const known = perLabel.filter((value) => value !== null);
  return {
    mean: known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length,
    perLabel,
  };
}

/** The report as aligned text: a line per label with its threshold, then the averages. */
export function renderMultiLabelReport(
  report: MultiLabelReport,
  thresholds: readonly number[],
  digits = 4,
): string {
  const line = (name: string, scores: PrecisionRecall, threshold: string, support: number) => [
    truncateToWidth(name, 32),
    threshold,
    scores.precision.toFixed(digits),
    scores.recall.toFixed(digits),
    scores.f1.toFixed(digits),
    support,
  ];
  const support = report.classes.reduce((sum, { support }) => sum + support, 0);
  return table(
    [
      ['', 'threshold', 'precision', 'recall', 'F1', 'support'],
      ...report.classes.map((own, l) => line(own.label, own, thresholds[l]!.toFixed(digits), own.support)),
      [],
      line('micro avg', report.micro, '', support),
      line('macro avg', report.macro, '', support),
      line('weighted avg', report.weighted, '', support),
      line('samples avg', report.samples, '', support),
    ],
    { header: true },
  );
}
