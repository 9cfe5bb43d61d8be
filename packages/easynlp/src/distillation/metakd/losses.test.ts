import { cat, gradCheck, manualSeed, randn, type Tensor, tensor, tidy } from '@easynlp/torch';
import { describe, expect, it } from 'vitest';
import {
  attentionMse,
  expertiseWeight,
  goldProbability,
  hiddenMse,
  meanPool,
  softCrossEntropy,
  vectorMse,
} from './losses.js';
import { weightedMean } from './teacher.js';

const f64 = { dtype: 'float64' } as const;
const numbers = (t: Tensor) => Array.from(t.to({ dtype: 'float64' }).toTypedArray() as Float64Array);
const close = (values: readonly number[], digits = 6) => values.map((v) => expect.closeTo(v, digits));

describe('weights of the rows', () => {
  it("are Appendix B3's", () =>
    tidy(() => {
      const p = tensor([1, 0.9, 0.5, 0], f64);
      const t = tensor([0.754111, 0.754111, 0.754111, 0.754111], f64);
      const g = expertiseWeight(t, p, { transfer: false, expertise: true });
      expect(numbers(g)).toEqual(close([0.5, 0.4975, 0.437823, 0.268941]));
      expect(numbers(expertiseWeight(t, p))).toEqual(close([0.877056, 0.87267, 0.767991, 0.471753]));
      expect(numbers(expertiseWeight(t, p, { transfer: true, expertise: false }))).toEqual(
        close([1.754111, 1.754111, 1.754111, 1.754111]),
      );
      expect(numbers(expertiseWeight(t, p, { transfer: false, expertise: false }))).toEqual([1, 1, 1, 1]);
    }));

  it("take the teacher's probability of the gold class", () =>
    tidy(() => {
      const logits = tensor([[0, Math.log(3)]], f64);
      expect(goldProbability(logits, tensor([1], { dtype: 'int64' })).item()).toBeCloseTo(0.75, 12);
      expect(goldProbability(logits, tensor([0], { dtype: 'int64' })).item()).toBeCloseTo(0.25, 12);
    }));

  it('act on their own row: a batch is the weighted sum of its rows', () =>
    tidy(() => {
      manualSeed(1);
      const [s, t] = [randn([2, 4, 3], f64), randn([2, 4, 3], f64)];
      const mask = tensor(
        [
          [1, 1, 1, 1],
          [1, 1, 0, 0],
        ],
        f64,
      );
      const weights = tensor([0.9, 0.3], f64);
      const both = weightedMean(hiddenMse(s, t, mask), weights).item();
      const single = [0, 1].map((i) =>
        hiddenMse(s.narrow(0, i, 1), t.narrow(0, i, 1), mask.narrow(0, i, 1)).item(),
      );
      expect(both).toBeCloseTo((0.9 * single[0]! + 0.3 * single[1]!) / 2, 12);
      // What EasyNLP computes: one mean for all, so that it matters to no row which weight is its own.
      const swapped = weightedMean(hiddenMse(s, t, mask), tensor([0.3, 0.9], f64)).item();
      expect(Math.abs(both - swapped)).toBeGreaterThan(1e-3);
    }));
});

describe('losses of the rows', () => {
  it("the soft cross entropy is Appendix B3's", () =>
    tidy(() => {
      const student = tensor(
        [
          [2, 0.5],
          [-0.3, 1.2],
          [0.1, 0],
        ],
        f64,
      );
      const teacher = tensor(
        [
          [3, -1],
          [0.5, 0.7],
          [-2, 1],
        ],
        f64,
      );
      const rows = softCrossEntropy(student, teacher, 2);
      expect(rows.shape).toEqual([3]);
      expect(rows.mean().item()).toBeCloseTo(0.642916, 6);
    }));

  it('mean pooling leaves [CLS] and padding out', () =>
    tidy(() => {
      const hidden = tensor(
        [
          [[9], [1], [3], [5]],
          [[9], [1], [3], [100]],
        ],
        f64,
      );
      const mask = tensor(
        [
          [true, true, true, true],
          [true, true, true, false],
        ],
        { dtype: 'bool' },
      );
      expect(numbers(meanPool(hidden, mask))).toEqual([3, 2]);
      expect(numbers(meanPool(hidden.narrow(0, 0, 1), null))).toEqual([3]);
    }));

  it('padding and the order of the batch change nothing', () =>
    tidy(() => {
      manualSeed(2);
      const [batch, length, more] = [3, 4, 2];
      const widen = (x: Tensor, dims: readonly number[]) => {
        let out = x;
        for (const dim of dims) {
          const shape = out.shape.map((n, i) => (i === dim ? more : n));
          out = cat([out, randn(shape, f64)], { dim });
        }
        return out;
      };
      const [s, t] = [randn([batch, length, 5], f64), randn([batch, length, 5], f64)];
      const [a, b] = [randn([batch, 2, length, length], f64), randn([batch, 6, length, length], f64)];
      const ones = tensor(
        Array.from({ length: batch }, () => [1, 1, 1, 1]),
        f64,
      );
      const padded = tensor(
        Array.from({ length: batch }, () => [1, 1, 1, 1, 0, 0]),
        f64,
      );
      expect(numbers(hiddenMse(widen(s, [1]), widen(t, [1]), padded))).toEqual(
        close(numbers(hiddenMse(s, t, ones)), 10),
      );
      expect(numbers(attentionMse(widen(a, [2, 3]), widen(b, [2, 3]), padded))).toEqual(
        close(numbers(attentionMse(a, b, ones)), 10),
      );
      const order = tensor([2, 0, 1], { dtype: 'int64' });
      const moved = (x: Tensor) => x.indexSelect(0, order);
      const [first, second, third] = numbers(attentionMse(a, b, ones));
      expect(numbers(attentionMse(moved(a), moved(b), ones))).toEqual(close([third!, first!, second!], 10));
    }));

  it('attention is compared head by head where there are as many heads, else by its mean', () =>
    tidy(() => {
      const one = tensor([[[[1]], [[0]]]], f64); // [1, 2, 1, 1]
      const other = tensor([[[[0]], [[1]]]], f64);
      const mask = tensor([[1]], f64);
      expect(attentionMse(one, other, mask).item()).toBe(1);
      expect(attentionMse(one, tensor([[[[0.5]]]], f64), mask).item()).toBe(0);
    }));

  it('have the gradients that differences give', () => {
    manualSeed(3);
    const mask = tensor(
      [
        [1, 1, 1],
        [1, 1, 0],
      ],
      f64,
    );
    const weights = tensor([0.7, 0.4], f64);
    const [hidden, vector, logits] = [randn([2, 3, 4], f64), randn([2, 4], f64), randn([2, 3], f64)];
    const attention = randn([2, 1, 3, 3], f64);
    const check = (fn: (x: Tensor) => Tensor, shape: readonly number[]) =>
      tidy(() =>
        gradCheck((x) => weightedMean(fn(x), weights), [randn(shape, { ...f64, requiresGrad: true })]),
      );
    check((x) => hiddenMse(x, hidden, mask), [2, 3, 4]);
    check((x) => attentionMse(x, attention, mask), [2, 2, 3, 3]);
    check((x) => vectorMse(x, vector), [2, 4]);
    check((x) => softCrossEntropy(x, logits, 2), [2, 3]);
    check((x) => vectorMse(meanPool(x, mask), vector), [2, 3, 4]);
    for (const t of [mask, weights, hidden, vector, logits, attention]) t.dispose();
  });
});
