import { manualSeed, randn, tensor, tidy } from '@easynlp/torch';
import { describe, expect, it } from 'vitest';
import { multiLabelLoss, NOWHERE } from './loss.js';
import { rotaryTable, rotate, SpanPointer, spanMask } from './model.js';

const lossOf = (scores: number[][], gold: number[][], mask: boolean[][]) =>
  multiLabelLoss(
    tensor(scores, { dtype: 'float32' }),
    tensor(gold, { dtype: 'int64' }),
    tensor(mask, { dtype: 'bool' }),
  ).item() as number;

/** The definition, number by number. */
function reference(scores: number[], right: number[]): number {
  const neg = scores.filter((_, i) => !right.includes(i)).reduce((sum, s) => sum + Math.exp(s), 0);
  const pos = right.reduce((sum, i) => sum + Math.exp(-scores[i]!), 0);
  return Math.log1p(neg) + Math.log1p(pos);
}

describe('the loss of spans', () => {
  it('is EasyNLP’s (reference vector B4)', () => {
    expect(lossOf([[2, -1, 0.5, -3, NOWHERE]], [[0]], [[true]])).toBeCloseTo(1.247428, 5);
  });

  it('is the definition, with several right spans, none, and filled up rows', () => {
    const scores = [
      [2, -1, 0.5, -3, NOWHERE],
      [0.3, 1.5, -2, 4, NOWHERE],
      [-1, -2, 0.1, 0.2, NOWHERE],
    ];
    const right = [[0, 2], [3], []];
    const expected = right.map((own, r) => reference(scores[r]!, own)).reduce((a, b) => a + b, 0) / 3;
    const found = lossOf(
      scores,
      [
        [0, 2, 4],
        [3, 4, 4],
        [4, 4, 4],
      ],
      right.map((own) => [0, 1, 2].map((i) => i < own.length)),
    );
    expect(found).toBeCloseTo(expected, 5);
  });

  it('pushes right spans up and the others down, and leaves places without a span alone', () => {
    tidy(() => {
      const scores = tensor([[2, -1, 0.5, NOWHERE]], { dtype: 'float32', requiresGrad: true });
      multiLabelLoss(
        scores,
        tensor([[0, 3]], { dtype: 'int64' }),
        tensor([[true, false]], { dtype: 'bool' }),
      ).backward();
      const [right, ...others] = scores.grad!.toFloat32Array();
      expect(right).toBeLessThan(0);
      expect(others[0]).toBeGreaterThan(0);
      expect(others[1]).toBeGreaterThan(0);
      expect(others[2]).toBe(0);
    });
  });
});

describe('rotary positions', () => {
  it('make products depend on the distance alone', () => {
    tidy(() => {
      manualSeed(1);
      const [q, k] = [randn([1, 1, 1, 8]), randn([1, 1, 1, 8])];
      const table = rotaryTable(12, 8);
      const turned = (x: typeof q) => rotate(x.expand([1, 1, 12, 8]), table);
      const products = turned(q).matmul(turned(k).transpose(2, 3)).reshape([12, 12]).toArray() as number[][];
      for (let i = 1; i < 12; i++) {
        for (let j = 1; j < 12; j++) expect(products[i]![j]).toBeCloseTo(products[i - 1]![j - 1]!, 4);
      }
      expect(Math.abs(products[0]![5]! - products[0]![0]!)).toBeGreaterThan(1e-3);
    });
  });

  it('have the angles position / 10000^(2i/d)', () => {
    const { sin, cos } = rotaryTable(5, 64);
    const at = (t: number, i: number) => t * 10_000 ** ((-2 * i) / 64);
    for (const [t, i] of [
      [0, 3],
      [1, 0],
      [4, 1],
      [3, 31],
    ] as const) {
      expect((sin.toArray() as number[][])[t]![i]).toBeCloseTo(Math.sin(at(t, i)), 5);
      expect((cos.toArray() as number[][])[t]![i]).toBeCloseTo(Math.cos(at(t, i)), 5);
    }
  });
});

it('scores of spans are those of the formula, computed number by number', () => {
  tidy(() => {
    manualSeed(3);
    const [T, H, D, C] = [4, 6, 64, 2];
    const pointer = new SpanPointer(H, C, 0.5);
    const hidden = randn([1, T, H]);
    const found = pointer.forward(hidden).toArray() as number[][][][];
    const x = hidden.toArray() as number[][][];
    const linear = (w: number[][], t: number, row: number) =>
      w[row]!.reduce((sum, value, h) => sum + value * x[0]![t]![h]!, 0);
    const w = pointer.projection.weight.toArray() as number[][];
    const b = pointer.bias.weight.toArray() as number[][];
    for (let c = 0; c < C; c++) {
      const vector = (t: number, odd: 0 | 1) => {
        const raw = Array.from({ length: D }, (_, d) => linear(w, t, c * 2 * D + 2 * d + odd));
        return raw.map((value, d) => {
          const angle = t * 10_000 ** ((-2 * (d >> 1)) / D);
          const other = d % 2 === 0 ? -raw[d + 1]! : raw[d - 1]!;
          return value * Math.cos(angle) + other * Math.sin(angle);
        });
      };
      for (let i = 0; i < T; i++) {
        for (let j = 0; j < T; j++) {
          const q = vector(i, 0);
          const product = vector(j, 1).reduce((sum, value, d) => sum + value * q[d]!, 0);
          const expected = product / 8 + (linear(b, i, 2 * c) + linear(b, j, 2 * c + 1)) / 2;
          expect(found[0]![c]![i]![j]).toBeCloseTo(expected, 3);
        }
      }
    }
    pointer.dispose();
  });
});

it('spans are in the text and in order; the first token stands for none', () => {
  const text = tensor([[false, true, true, false]], { dtype: 'bool' });
  const rows = (withNone: boolean) =>
    (spanMask(text, withNone).toArray() as unknown as boolean[][][][])[0]![0]!.map((row) => row.map(Number));
  expect(rows(false)).toEqual([
    [0, 0, 0, 0],
    [0, 1, 1, 0],
    [0, 0, 1, 0],
    [0, 0, 0, 0],
  ]);
  expect(rows(true)[0]).toEqual([1, 0, 0, 0]);
});
