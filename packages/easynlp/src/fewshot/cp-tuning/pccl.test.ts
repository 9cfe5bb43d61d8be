import { amp, gradCheck, noGrad, type Tensor, tensor, tidy } from '@easynlp/torch';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PcclOptions, pairCosts, pcclLoss, pcclOfPairs } from './pccl.js';

const ROWS = [
  [1, 0.2, 0, 0.5],
  [0.9, 0.1, 0.3, 0.4],
  [-0.2, 1, 0.6, 0.1],
  [0, 0.8, 0.9, -0.3],
];

const normalized = (rows: readonly (readonly number[])[]) =>
  rows.map((row) => {
    const length = Math.hypot(...row);
    return row.map((v) => v / length);
  });

const features = (rows: readonly (readonly number[])[], requiresGrad = false): Tensor =>
  tensor(normalized(rows), { dtype: 'float64', requiresGrad });

const lossOf = (rows: readonly (readonly number[])[], labels: readonly number[], options: PcclOptions = {}) =>
  noGrad(() => tidy(() => pcclLoss(features(rows), tensor([...labels], { dtype: 'int64' }), options).item()));

describe('PCCL', () => {
  it('equals the vectors of the reference, and numpy where they end', () => {
    expect(lossOf(ROWS, [0, 0, 1, 1])).toBeCloseTo(5.2107e-8, 12);
    expect(lossOf(ROWS, [0, 1, 0, 1])).toBeCloseTo(97.025473, 6);
  });

  it('k divides the costs of positive pairs, the margin moves both targets', () => {
    const cosine = (i: number, j: number) => {
      const [a, b] = [normalized(ROWS)[i]!, normalized(ROWS)[j]!];
      return a.reduce((sum, v, x) => sum + v * b[x]!, 0);
    };
    const [m, gamma, k] = [0.2, 8, 2];
    const positive = [
      [0, 1],
      [2, 3],
    ].map(([i, j]) => cosine(i!, j!));
    const negative = [
      [0, 2],
      [0, 3],
      [1, 2],
      [1, 3],
    ].map(([i, j]) => cosine(i!, j!));
    const sum = (values: number[]) => values.reduce((total, v) => total + Math.exp(v), 0);
    const expected = Math.log1p(
      sum(negative.map((s) => gamma * Math.max(0, s + m) * (s - m))) *
        sum(positive.map((s) => ((-gamma * Math.max(0, 1 + m - s)) / k) * (s - (1 - m)))),
    );
    expect(lossOf(ROWS, [0, 0, 1, 1], { margin: m, gamma, k })).toBeCloseTo(expected, 10);
  });

  it('has the gradient of differences, the costs taken as constants', () => {
    for (const labels of [
      [0, 0, 1, 1],
      [0, 1, 0, 1],
      [0, 1, 2, 0],
    ]) {
      tidy(() => {
        // A small γ, so that no pair drowns the others.
        const options = { gamma: 3 };
        const x = features(ROWS, true);
        const ids = tensor(labels, { dtype: 'int64' });
        const cosines = (f: Tensor) => f.matmul(f.transpose(0, 1));
        const costs = pairCosts(cosines(x), options);
        const held = (f: Tensor) => pcclOfPairs(cosines(f), ids, costs, options);
        gradCheck(held, [x], { atol: 1e-8, rtol: 1e-6 });
        held(x).backward();
        const expected = x.grad!.toArray() as number[][];
        const y = features(ROWS, true);
        pcclLoss(y, ids, options).backward();
        expect(y.grad!.toArray()).toEqual(expected);
        expect(expected.flat().some((g) => Math.abs(g) > 1e-3)).toBe(true);
      });
    }
  });

  it('is 0 with gradient 0 where a batch has no positive or no negative pair', () => {
    for (const dtype of ['float32', 'float64'] as const) {
      for (const labels of [[0, 0, 0, 0], [0, 1, 2, 3], [0]]) {
        tidy(() => {
          const x = tensor(normalized(ROWS.slice(0, labels.length)), { dtype, requiresGrad: true });
          const loss = pcclLoss(x, tensor(labels, { dtype: 'int64' }));
          expect(loss.item()).toBe(0);
          loss.backward();
          for (const g of (x.grad!.toArray() as number[][]).flat()) expect(Math.abs(g)).toBe(0);
        });
      }
    }
  });

  it('keeps its precision under autocast', () => {
    tidy(() => {
      const x = tensor(normalized(ROWS));
      const ids = tensor([0, 1, 0, 1], { dtype: 'int64' });
      const low = amp.autocast({ device: 'cpu' }, () => pcclLoss(x, ids));
      expect(low.item()).toBe(pcclLoss(x, ids).item());
    });
  });

  const vectors = fc.array(
    fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 }),
    { minLength: 4, maxLength: 8 },
  );

  it('prefers separated classes to mixed ones, whatever the noise', () => {
    fc.assert(
      fc.property(vectors, (noise) => {
        const rows = noise.map((v, i) => v.map((x, d) => 0.1 * x + (d === i % 2 ? 1 : 0)));
        const separated = rows.map((_, i) => i % 2);
        const mixed = rows.map((_, i) => Math.floor(i / 2) % 2);
        expect(lossOf(rows, separated)).toBeLessThan(lossOf(rows, mixed));
      }),
      { numRuns: 40 },
    );
  });

  it('does not depend on the order of the batch or the numbers of the classes', () => {
    fc.assert(
      fc.property(vectors, fc.infiniteStream(fc.nat(2)), (noise, stream) => {
        const rows = noise.map(([a, b, c]) => [a! + 1.5, b!, c!]);
        const labels = rows.map(() => stream.next().value as number);
        const loss = lossOf(rows, labels, { gamma: 4 });
        const backwards = lossOf(rows.toReversed(), labels.toReversed(), { gamma: 4 });
        const renamed = lossOf(
          rows,
          labels.map((l) => 7 - l),
          { gamma: 4 },
        );
        expect(backwards).toBeCloseTo(loss, 8);
        expect(renamed).toBe(loss);
      }),
      { numRuns: 40 },
    );
  });
});
