import { gradCheck, tensor, tidy } from '@easynlp/torch';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { debiasedLoss, meanEntropy, type PrototypeRow, prototypeScores, rowWeights } from './debias.js';

const row = (feature: number[], task: number, label: string): PrototypeRow => ({ feature, task, label });

describe('prototype-based de-biasing', () => {
  // Prototypes: task 0 a (1, 0), b (0, 1); task 1 a (2, 0), b (0, 4).
  const rows = [
    row([1, 0.5], 0, 'a'),
    row([1, -0.5], 0, 'a'),
    row([0, 1], 0, 'b'),
    row([2, 0], 1, 'a'),
    row([0, 4], 1, 'b'),
  ];

  it('is the share of the own label among similarities, own task and others mixed', () => {
    const scores = prototypeScores(rows, { zeta: 0.25 });
    // (1, .5) with (1, 0): cos 2/√5; with (0, 1): 1/√5. The prototypes of task 1 have the same directions.
    const [a, b] = [(1 + 2 / Math.sqrt(5)) / 2, (1 + 1 / Math.sqrt(5)) / 2];
    expect(scores[0]).toBeCloseTo(a / (a + b), 12);
    // (0, 1) with its own prototype: 1, with the other: 1/2.
    expect(scores[2]).toBeCloseTo(1 / 1.5, 12);
  });

  it('in the form of EasyNLP it is a mean of negative distances', () => {
    const scores = prototypeScores(rows, { zeta: 0.25, form: 'distance' });
    expect(scores[0]).toBeCloseTo(-(0.25 * 0.5 + 0.75 * Math.hypot(1, 0.5)), 12);
    expect(scores[4]).toBeCloseTo(-(0.25 * 0 + 0.75 * 3), 12);
  });

  it('leaves out tasks without the label', () => {
    const more = [...rows, row([5, 5], 2, 'c')];
    expect(prototypeScores(more)[0]).toBeCloseTo(prototypeScores(rows)[0]!, 12);
    expect(prototypeScores(more, { form: 'distance' }).at(-1)).toBeCloseTo(0, 12);
  });

  it('typical rows get more than untypical ones, in any order', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.2, max: 1.2, noNaN: true }), (angle) => {
        const turned = row([Math.cos(angle), Math.sin(angle)], 0, 'a');
        const all = [
          row([1, 0], 0, 'a'),
          turned,
          row([0, 1], 0, 'b'),
          row([1, 0], 1, 'a'),
          row([0, 1], 1, 'b'),
        ];
        const scores = prototypeScores(all);
        expect(scores[1]).toBeLessThan(scores[0]!);
        const reversed = prototypeScores(all.toReversed());
        for (const [i, s] of scores.entries()) expect(reversed[all.length - 1 - i]).toBeCloseTo(s, 12);
      }),
    );
  });

  it('weights have mean 1 over the rows that were scored', () => {
    tidy(() => {
      const scores = tensor([0.2, 0.4, 0.6], { dtype: 'float64' });
      expect(rowWeights(scores, 'ratio', 0.4).toArray()).toEqual([0.5, 1, 1.4999999999999998]);
      const shares = rowWeights(tensor([-1, -2, -3], { dtype: 'float64' }), 'distance', 0);
      expect((shares.toArray() as number[]).reduce((a, b) => a + b)).toBeCloseTo(3, 12);
      expect(shares.narrow(0, 0, 1).item()).toBeCloseTo((3 * Math.exp(2)) / (Math.exp(2) + Math.E + 1), 10);
    });
  });
});

describe('entropy-based de-biasing', () => {
  it('is in bits, and closed labels have no part in it', () => {
    tidy(() => {
      const logits = tensor([
        [0, 0, -1e4, -1e4],
        [0, 0, 0, 0],
      ]);
      expect(meanEntropy(logits).item()).toBeCloseTo((1 + 2) / 2, 6);
      const p = 1 / (1 + Math.exp(-2));
      const bits = -(p * Math.log2(p) + (1 - p) * Math.log2(1 - p));
      expect(meanEntropy(tensor([[2, 0]])).item()).toBeCloseTo(bits, 6);
    });
  });

  it('λ > 0 rewards it, λ < 0 (EasyNLP without the switch) punishes it', () => {
    tidy(() => {
      const losses = tensor([1, 3], { dtype: 'float64' });
      const weights = tensor([1.5, 0.5], { dtype: 'float64' });
      const logits = tensor(
        [
          [0, 0],
          [0, 0],
        ],
        { dtype: 'float64' },
      );
      expect(debiasedLoss(losses, weights, logits, 0.01).loss.item()).toBeCloseTo(1.5 - 0.01, 12);
      expect(debiasedLoss(losses, null, logits, -0.01).loss.item()).toBeCloseTo(2 + 0.01, 12);
    });
  });

  it('has the gradient of differences', () => {
    tidy(() => {
      const logits = tensor(
        [
          [0.3, -1, 0.4],
          [2, 0.1, -0.5],
        ],
        { dtype: 'float64', requiresGrad: true },
      );
      const weights = tensor([0.7, 1.3], { dtype: 'float64' });
      gradCheck((x) => debiasedLoss(x.logSoftmax(-1).select(1, 0).neg(), weights, x, 0.3).loss, [logits], {
        atol: 1e-8,
        rtol: 1e-6,
      });
    });
  });
});
