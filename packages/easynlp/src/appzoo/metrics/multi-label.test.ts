import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  averagePrecision,
  bestF1Threshold,
  meanAveragePrecision,
  multiLabelReport,
  type PrecisionRecall,
} from './index.js';

/** Written by scripts/oracle/multi_label_fixtures.py with scikit-learn. */
interface Fixtures {
  cases: {
    name: string;
    labels: number;
    gold: number[];
    scores: number[];
    predicted: number[];
    perClass: (PrecisionRecall & { support: number })[];
    averages: Record<'macro' | 'micro' | 'weighted' | 'samples', PrecisionRecall>;
    samplesEmptyIsRight: number;
    subsetAccuracy: number;
    hammingLoss: number;
    averagePrecision: (number | null)[];
    map: number | null;
  }[];
}
const { cases } = JSON.parse(
  readFileSync(new URL('./fixtures/multi-label.json', import.meta.url), 'utf8'),
) as Fixtures;

function same(actual: number | null | undefined, expected: number | null | undefined): void {
  if (typeof actual !== 'number' || typeof expected !== 'number') expect(actual).toBe(expected);
  else expect(Math.abs(actual - expected), `${actual}, expected ${expected}`).toBeLessThanOrEqual(1e-12);
}

describe.each(cases)('label sets as scikit-learn: $name', (it_) => {
  const { gold, predicted, scores, labels } = it_;
  const names = Array.from({ length: labels }, (_, l) => `l${l}`);

  it('precision, recall, F1, subset accuracy, hamming loss', () => {
    const report = multiLabelReport(gold, predicted, names, { emptyScore: 0 });
    for (const field of ['precision', 'recall', 'f1'] as const) {
      for (const [l, expected] of it_.perClass.entries()) same(report.classes[l]![field], expected[field]);
      for (const average of ['macro', 'micro', 'weighted', 'samples'] as const) {
        same(report[average][field], it_.averages[average][field]);
      }
    }
    expect(report.classes.map((c) => c.support)).toEqual(it_.perClass.map((c) => c.support));
    same(report.subsetAccuracy, it_.subsetAccuracy);
    same(report.hammingLoss, it_.hammingLoss);
    same(multiLabelReport(gold, predicted, names).samples.f1, it_.samplesEmptyIsRight);
  });

  it('average precision', () => {
    const { mean, perLabel } = meanAveragePrecision(gold, scores, labels);
    for (const [l, expected] of it_.averagePrecision.entries()) same(perLabel[l], expected);
    same(mean, it_.map);
  });
});

describe('thresholds', () => {
  const f1At = (threshold: number, scores: readonly number[], gold: readonly number[]) => {
    const predicted = scores.map((s) => (s >= threshold ? 1 : 0));
    return multiLabelReport(gold, predicted, ['x']).micro.f1;
  };
  const data = fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.boolean()), {
    minLength: 1,
    maxLength: 40,
  });

  it('have the highest F1 that any threshold has', () => {
    fc.assert(
      fc.property(data, (rows) => {
        const scores = rows.map(([s]) => s / 20);
        const gold = rows.map(([, g]) => (g ? 1 : 0));
        const best = bestF1Threshold(scores, gold);
        if (!gold.includes(1)) {
          expect(best).toBeNull();
          return;
        }
        same(f1At(best!.threshold, scores, gold), best!.f1);
        for (const threshold of [0, ...scores, 2]) {
          expect(f1At(threshold, scores, gold)).toBeLessThanOrEqual(best!.f1 + 1e-12);
        }
      }),
    );
  });

  it('lie in the middle of the widest gap', () => {
    expect(bestF1Threshold([0.9, 0.8, 0.2, 0.1], [1, 1, 0, 0])!.threshold).toBeCloseTo(0.5, 12);
  });

  it('NaN has no average precision, and sizes must fit', () => {
    expect(averagePrecision([1, 0], [Number.NaN, 1])).toBeNull();
    expect(() => averagePrecision([1], [1, 2])).toThrow(RangeError);
    expect(() => multiLabelReport([1, 0, 1], [1, 0, 1], ['a', 'b'])).toThrow(/2 labels/);
  });
});
