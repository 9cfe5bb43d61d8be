import type { HostOutputs, MetricAccumulator, MetricReport, MetricSet } from '../app.js';
import {
  classificationReport,
  crossEntropy,
  f1Score,
  matthewsCorrCoef,
  renderReport,
  rocAuc,
} from '../metrics/index.js';
import { argmax, softmaxRow } from './decode.js';
import type { EncodedText } from './encode.js';
import type { ClassificationSpec } from './spec.js';

/** Gathers logits and gold labels; everything is computed from them at the end. */
class ClassificationMetrics implements MetricAccumulator<EncodedText> {
  private readonly gold: number[] = [];
  private readonly predicted: number[] = [];
  private readonly logits: number[] = [];

  constructor(private readonly labels: readonly string[]) {}

  add(outputs: HostOutputs, rows: readonly EncodedText[]): void {
    const logits = outputs.logits!.data;
    const classes = this.labels.length;
    for (const [r, row] of rows.entries()) {
      const line = logits.subarray(r * classes, (r + 1) * classes);
      this.gold.push(row.label);
      this.predicted.push(argmax(line));
      for (const value of line) this.logits.push(value);
    }
  }

  report(): MetricReport {
    const classes = this.labels.length;
    const { gold, predicted, logits } = this;
    const details = classificationReport(gold, predicted, this.labels);
    const probabilities = new Float64Array(logits.length);
    for (let r = 0; r < gold.length; r++) {
      probabilities.set(softmaxRow(logits.slice(r * classes, (r + 1) * classes)), r * classes);
    }
    const finite = logits.every(Number.isFinite);
    const values: Record<string, number | null> = {
      accuracy: details.accuracy,
      ...(classes === 2 ? { f1: f1Score(gold, predicted, { average: 'binary' }) } : {}),
      macro_f1: details.macro.f1,
      micro_f1: details.micro.f1,
      auc: finite ? rocAuc(gold, probabilities, { classes }) : null,
      mcc: matthewsCorrCoef(gold, predicted),
      loss: finite ? crossEntropy(gold, logits, { classes, from: 'logits' }) : null,
    };
    return { values, details, text: renderReport(details) };
  }
}

const better = (description: string) => ({ higherIsBetter: true, description });

export const classificationMetrics: MetricSet<ClassificationSpec, EncodedText> = {
  primary: 'accuracy',
  names: {
    accuracy: better('share of rows whose label is predicted'),
    f1: better('F1 of the second label; two labels only'),
    macro_f1: better('mean F1 of the labels'),
    micro_f1: better('F1 over all decisions together'),
    auc: better('area under the ROC curve; one label against the rest, averaged, for more than two'),
    mcc: better("Matthews' correlation coefficient"),
    loss: { higherIsBetter: false, description: 'mean cross entropy' },
  },
  create: (spec) => new ClassificationMetrics(spec.labels),
};
