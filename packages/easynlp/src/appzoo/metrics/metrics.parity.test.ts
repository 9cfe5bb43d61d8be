import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  accuracy,
  classificationReport,
  confusionMatrix,
  crossEntropy,
  f1Score,
  matthewsCorrCoef,
  type PrecisionRecall,
  rocAuc,
} from './index.js';

/** Written by scripts/oracle/metrics_fixtures.py with scikit-learn. */
interface Fixtures {
  cases: {
    name: string;
    classes: number;
    gold: number[];
    predicted: number[];
    accuracy: number;
    confusion: number[][];
    perClass: (PrecisionRecall & { support: number })[];
    averages: Record<'macro' | 'micro' | 'weighted', PrecisionRecall>;
    f1Present: Record<'macro' | 'micro' | 'weighted', number>;
    f1Binary?: [number, number];
    mcc: number;
    logits?: number[];
    probabilities?: number[];
    crossEntropy?: number;
    auc?: number | null | Record<'macro' | 'weighted', number | null>;
  }[];
  binaryScores: { name: string; gold: number[]; scores: number[]; auc: number | null }[];
}

const fixtures = JSON.parse(
  readFileSync(new URL('./fixtures/metrics.json', import.meta.url), 'utf8'),
) as Fixtures;

/** Equal within 1e-12; null only equals null. */
function same(actual: number | null | undefined, expected: number | null | undefined): void {
  if (typeof actual !== 'number' || typeof expected !== 'number') expect(actual).toBe(expected);
  else expect(Math.abs(actual - expected), `${actual}, expected ${expected}`).toBeLessThanOrEqual(1e-12);
}

const FIELDS = ['precision', 'recall', 'f1'] as const;
const AVERAGES = ['macro', 'micro', 'weighted'] as const;

describe.each(fixtures.cases)('as scikit-learn: $name', (it_) => {
  const { gold, predicted, classes } = it_;
  const labels = Array.from({ length: classes }, (_, c) => `c${c}`);

  it('report, accuracy and confusion matrix', () => {
    const report = classificationReport(gold, predicted, labels);
    expect(report.confusion).toEqual(it_.confusion);
    expect(confusionMatrix(Int32Array.from(gold), Int32Array.from(predicted), classes)).toEqual(
      it_.confusion,
    );
    same(report.accuracy, it_.accuracy);
    same(accuracy(gold, predicted), it_.accuracy);
    expect(report.support).toBe(gold.length);
    for (const [c, expected] of it_.perClass.entries()) {
      for (const field of FIELDS) same(report.classes[c]![field], expected[field]);
      expect(report.classes[c]!.support).toBe(expected.support);
      expect(report.classes[c]!.label).toBe(labels[c]);
    }
    for (const average of AVERAGES) {
      for (const field of FIELDS) same(report[average][field], it_.averages[average][field]);
    }
  });

  it('F1 and MCC', () => {
    for (const average of AVERAGES) {
      same(f1Score(gold, predicted, { average, classes }), it_.averages[average].f1);
      same(f1Score(gold, predicted, { average }), it_.f1Present[average]);
    }
    for (const positive of it_.f1Binary === undefined ? [] : [0, 1]) {
      same(f1Score(gold, predicted, { average: 'binary', positive }), it_.f1Binary![positive]);
    }
    same(matthewsCorrCoef(gold, predicted), it_.mcc);
  });
});

describe.each(fixtures.cases.filter((it_) => it_.probabilities !== undefined))(
  'as scikit-learn: $name',
  (it_) => {
    const { gold, classes } = it_;

    it('cross entropy and AUC', () => {
      const probabilities = it_.probabilities!;
      same(crossEntropy(gold, probabilities, { classes, from: 'probabilities' }), it_.crossEntropy);
      // scikit-learn clips probabilities; from logits the exact value is known.
      if (it_.name !== 'certain and wrong')
        same(crossEntropy(gold, it_.logits!, { classes, from: 'logits' }), it_.crossEntropy);
      if (typeof it_.auc === 'object' && it_.auc !== null) {
        same(rocAuc(gold, probabilities, { classes }), it_.auc.macro);
        same(rocAuc(gold, probabilities, { classes, average: 'weighted' }), it_.auc.weighted);
      } else {
        const positives = probabilities.filter((_, i) => i % 2 === 1);
        same(rocAuc(gold, positives), it_.auc);
        same(rocAuc(gold, probabilities, { classes }), it_.auc);
        same(rocAuc(gold, it_.logits!), it_.auc);
        same(rocAuc(gold, it_.logits!, { positive: 0 }), it_.auc);
      }
    });
  },
);

it.each(fixtures.binaryScores)('AUC as scikit-learn: $name', ({ gold, scores, auc }) => {
  same(rocAuc(gold, scores), auc);
});
