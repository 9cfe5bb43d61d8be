import { table, truncateToWidth } from '../../util/index.js';
import type { ClassificationReport, PrecisionRecall } from './classification-report.js';
import type { ConfusionMatrix } from './confusion-matrix.js';

const LABEL_COLUMNS = 32;

export interface RenderOptions {
  /** Digits after the point (default 4). */
  readonly digits?: number;
}

/** The report as aligned text: a line per class, then accuracy and the averages. Chinese labels line up. */
export function renderReport(report: ClassificationReport, { digits = 4 }: RenderOptions = {}): string {
  const line = (name: string, scores: PrecisionRecall, support: number) => [
    truncateToWidth(name, LABEL_COLUMNS),
    scores.precision.toFixed(digits),
    scores.recall.toFixed(digits),
    scores.f1.toFixed(digits),
    support,
  ];
  return table(
    [
      ['', 'precision', 'recall', 'F1', 'support'],
      ...report.classes.map((scores) => line(scores.label, scores, scores.support)),
      [],
      ['accuracy', '', '', report.accuracy.toFixed(digits), report.support],
      line('macro avg', report.macro, report.support),
      line('weighted avg', report.weighted, report.support),
    ],
    { header: true },
  );
}

/** The matrix as aligned text: gold classes down, predicted classes across. */
export function renderConfusionMatrix(matrix: ConfusionMatrix, labels: readonly string[]): string {
  const names = labels.map((label) => truncateToWidth(label, 16));
  return table(
    [['gold \\ predicted', ...names], ...matrix.map((line, c) => [names[c] ?? String(c), ...line])],
    {
      header: true,
    },
  );
}
