import type { HostOutputs, MetricAccumulator, MetricReport, MetricSet } from '../app.js';
import {
  bestF1Threshold,
  type MultiLabelReport,
  meanAveragePrecision,
  multiLabelReport,
  renderMultiLabelReport,
} from '../metrics/index.js';
import { sigmoid } from './decode.js';
import type { EncodedLabelSet } from './encode.js';
import { fixedThresholds, type MultiLabelSpec } from './spec.js';

/** Details of an evaluation; `thresholds` are what training stores with the model. */
export interface MultiLabelDetails extends MultiLabelReport {
  /** In the order of the labels. */
  readonly thresholds: readonly number[];
  /** In the order of the labels; null for labels that no row has. */
  readonly averagePrecision: readonly (number | null)[];
}

/**
 * Thresholds with the best F1 on these probabilities [rows, labels]: of each label, or of all decisions together. Labels
 * that no row has take the common one; those that the user fixed keep theirs.
 */
export function tuneThresholds(
  spec: Pick<MultiLabelSpec, 'labels' | 'tuning' | 'threshold' | 'labelThresholds'>,
  gold: ArrayLike<number>,
  probabilities: ArrayLike<number>,
): number[] {
  const fixed = fixedThresholds(spec);
  if (spec.tuning === 'fixed') return fixed;
  const width = spec.labels.length;
  const free = spec.labels.map((label) => !Object.hasOwn(spec.labelThresholds, label));
  const column = (of: ArrayLike<number>, l: number) =>
    Array.from({ length: of.length / width }, (_, r) => of[r * width + l]!);
  const places = free.flatMap((isFree, l) => (isFree ? [l] : []));
  const common =
    bestF1Threshold(
      places.flatMap((l) => column(probabilities, l)),
      places.flatMap((l) => column(gold, l)),
    )?.threshold ?? spec.threshold;
  return fixed.map((threshold, l) => {
    if (!free[l]) return threshold;
    if (spec.tuning === 'global') return common;
    return bestF1Threshold(column(probabilities, l), column(gold, l))?.threshold ?? common;
  });
}

/** Mean of log(1 + e⁻ˣ) for labels that are there, log(1 + eˣ) for the others. */
function binaryCrossEntropy(gold: readonly number[], logits: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < gold.length; i++) {
    const x = gold[i] === 1 ? -logits[i]! : logits[i]!;
    sum += Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  }
  return sum / gold.length;
}

class MultiLabelMetrics implements MetricAccumulator<EncodedLabelSet> {
  private readonly gold: number[] = [];
  private readonly logits: number[] = [];

  constructor(private readonly spec: MultiLabelSpec) {}

  add(outputs: HostOutputs, rows: readonly EncodedLabelSet[]): void {
    for (const row of rows) for (const value of row.gold!) this.gold.push(value);
    for (const value of outputs.logits!.data) this.logits.push(value);
  }

  report(): MetricReport {
    const { spec, gold, logits } = this;
    const width = spec.labels.length;
    const finite = logits.every(Number.isFinite);
    const probabilities = logits.map(sigmoid);
    const thresholds =
      spec.thresholds ?? (finite ? tuneThresholds(spec, gold, probabilities) : fixedThresholds(spec));
    const predicted = probabilities.map((p, i) => (p >= thresholds[i % width]! ? 1 : 0));
    const report = multiLabelReport(gold, predicted, spec.labels);
    // By logits: probabilities of many labels are all 0 or 1 in rounding long before the logits are alike.
    const precision = meanAveragePrecision(gold, logits, width);
    const details: MultiLabelDetails = { ...report, thresholds, averagePrecision: precision.perLabel };
    return {
      values: {
        micro_f1: report.micro.f1,
        macro_f1: report.macro.f1,
        samples_f1: report.samples.f1,
        micro_precision: report.micro.precision,
        micro_recall: report.micro.recall,
        subset_accuracy: report.subsetAccuracy,
        hamming_loss: report.hammingLoss,
        map: precision.mean,
        loss: finite ? binaryCrossEntropy(gold, logits) : null,
      },
      details,
      text: renderMultiLabelReport(report, thresholds),
    };
  }
}

const better = (description: string) => ({ higherIsBetter: true, description });
const worse = (description: string) => ({ higherIsBetter: false, description });

export const multiLabelMetrics: MetricSet<MultiLabelSpec, EncodedLabelSet> = {
  primary: 'micro_f1',
  names: {
    micro_f1: better('F1 over all decisions together'),
    macro_f1: better('mean F1 of the labels'),
    samples_f1: better('mean F1 of the rows; a row without labels that gets none counts 1'),
    micro_precision: better('share of the given labels that are right'),
    micro_recall: better('share of the right labels that are given'),
    subset_accuracy: better('share of rows whose whole set is right'),
    hamming_loss: worse('share of decisions that are wrong'),
    map: better('mean average precision of the labels; needs no threshold'),
    loss: worse('mean binary cross entropy'),
  },
  create: (spec) => new MultiLabelMetrics(spec),
};
