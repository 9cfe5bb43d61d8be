import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bestThreshold, pearson, rankingScores, rankOfRelevant, ranks, spearman } from './index.js';

describe('correlation', () => {
  const x = [-0.8, -0.25, -0.25, 0.42, 1.14, 0.11, -0.55, -0.78, 0.75, 1.63, 0.27, -1.23];
  const y = [-1.4, 0.9, 0.1, -0.9, 0.5, -1.1, -0.9, -0.9, -0.3, 1.4, 0.1, -1.2];

  it("gives scipy's figures, ties and all", () => {
    expect(pearson(x, y)).toBeCloseTo(0.6892079297952776, 12);
    expect(spearman(x, y)).toBeCloseTo(0.6872963154714716, 12);
    expect([...ranks([3, 1, 3, 2])]).toEqual([3.5, 1, 3.5, 2]);
  });

  it('is undefined without variance', () => {
    expect(pearson([1], [2])).toBeNull();
    expect(pearson([0.1, 0.1, 0.1], [1, 2, 3])).toBeNull();
    expect(spearman([1, 2, 3], [0, 0, 0])).toBeNull();
    expect(spearman([1, Number.NaN, 3], [0, 1, 2])).toBeNull();
    expect(() => pearson([1, 2], [1])).toThrow(RangeError);
  });

  it('does not change with the scale, nor ranks with any growing function', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: -50, max: 50 })), {
          minLength: 3,
          maxLength: 30,
        }),
        (pairs) => {
          const a = pairs.map(([v]) => v);
          const b = pairs.map(([, v]) => v);
          const same = (one: number | null, other: number | null) =>
            one === null ? expect(other).toBeNull() : expect(other).toBeCloseTo(one, 9);
          same(
            pearson(a, b),
            pearson(
              a.map((v) => 3 * v + 7),
              b,
            ),
          );
          same(
            spearman(a, b),
            spearman(
              a.map((v) => Math.exp(v / 10)),
              b,
            ),
          );
          same(spearman(a, b), spearman(b, a));
        },
      ),
    );
  });
});

describe('threshold', () => {
  it('lies in the widest of the best gaps', () => {
    expect(bestThreshold([0.9, 0.8, 0.3, 0.1], [1, 1, 0, 0])).toEqual({ threshold: 0.55, accuracy: 1 });
    expect(bestThreshold([0.9, 0.8], [0, 0])!.threshold).toBeGreaterThan(0.9);
    expect(bestThreshold([0.9, 0.8], [1, 1])!.threshold).toBeLessThanOrEqual(0.85);
    expect(bestThreshold([], [])).toBeNull();
  });

  it('is as good as any other', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 8 }), fc.constantFrom(0, 1)), {
          minLength: 1,
          maxLength: 40,
        }),
        (pairs) => {
          const values = pairs.map(([v]) => v / 8);
          const gold = pairs.map(([, g]) => g);
          const accuracyAt = (t: number) =>
            values.filter((v, i) => (v >= t ? 1 : 0) === gold[i]).length / values.length;
          const best = bestThreshold(values, gold)!;
          expect(accuracyAt(best.threshold)).toBeCloseTo(best.accuracy, 12);
          const all = [...values, 2].map(accuracyAt);
          expect(best.accuracy).toBeCloseTo(Math.max(...all), 12);
        },
      ),
    );
  });
});

describe('ranking', () => {
  it('counts what stands before the first relevant document', () => {
    const relevant =
      (...docs: number[]) =>
      (d: number) =>
        docs.includes(d);
    expect(rankOfRelevant([0.1, 0.9, 0.5], relevant(2))).toBe(2);
    expect(rankOfRelevant([0.1, 0.9, 0.5], relevant(0, 2))).toBe(2);
    expect(rankOfRelevant([0.1, 0.9, 0.5], relevant(2), 1)).toBe(1);
    expect(rankOfRelevant([0.1], relevant())).toBeNull();
    // All alike: no credit; not a number: none either.
    expect(rankOfRelevant([0.5, 0.5, 0.5], relevant(0))).toBe(3);
    expect(rankOfRelevant([Number.NaN, Number.NaN, Number.NaN], relevant(0))).toBe(3);
    expect(rankingScores([1, 2, 12], [1, 10])).toEqual({
      queries: 3,
      mrr: (1 + 1 / 2 + 1 / 12) / 3,
      recall: { 1: 1 / 3, 10: 2 / 3 },
    });
    expect(rankingScores([], [1])).toBeNull();
  });
});
