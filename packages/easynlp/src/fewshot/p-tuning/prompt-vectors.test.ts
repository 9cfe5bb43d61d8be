import { manualSeed, type Tensor, tidy } from '@easynlp/torch';
import { describe, expect, it } from 'vitest';
import { PromptVectors } from './prompt-vectors.js';

type Matrix = number[][];
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
const array = (tensor: Tensor) => tensor.toArray() as never;

/** One direction of an LSTM, written out: gates in the order input, forget, cell, output. */
function lstm(x: Matrix, wx: Matrix, wh: Matrix, bx: number[], bh: number[]): Matrix {
  const width = wh[0]!.length;
  let h: number[] = new Array(width).fill(0);
  let c: number[] = new Array(width).fill(0);
  return x.map((input) => {
    const gate = (g: number, j: number) => {
      const row = g * width + j;
      return dot(wx[row]!, input) + bx[row]! + dot(wh[row]!, h) + bh[row]!;
    };
    const cells = c.map((old, j) => sigmoid(gate(1, j)) * old + sigmoid(gate(0, j)) * Math.tanh(gate(2, j)));
    h = cells.map((cell, j) => sigmoid(gate(3, j)) * Math.tanh(cell));
    c = cells;
    return h;
  });
}

const linear = (x: Matrix, weight: Matrix, bias: number[]) =>
  x.map((row) => weight.map((w, i) => dot(w, row) + bias[i]!));

describe('vectors of trainable tokens', () => {
  it('come from two bidirectional LSTM layers and two linear ones, as written out here', () => {
    manualSeed(7);
    const vectors = new PromptVectors(3, 4, 'lstm', 0.02);
    tidy(() => {
      const weights = new Map([...vectors.namedParameters()].map(([name, p]) => [name, array(p)]));
      let x = weights.get('embeddings')! as Matrix;
      for (const layer of [0, 1]) {
        const direction = (suffix: string, input: Matrix) =>
          lstm(
            input,
            ...(['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'].map(
              (name) => weights.get(`lstm.${name}_l${layer}${suffix}`)!,
            ) as [never, never, never, never]),
          );
        const forward = direction('', x);
        const backward = direction('_reverse', x.toReversed()).toReversed();
        x = forward.map((row, t) => [...row, ...backward[t]!]);
      }
      x = linear(x, weights.get('mlp.first.weight')!, weights.get('mlp.first.bias')!);
      x = x.map((row) => row.map((value) => Math.max(0, value)));
      x = linear(x, weights.get('mlp.second.weight')!, weights.get('mlp.second.bias')!);
      const computed = array(vectors.forward()) as Matrix;
      for (const [t, row] of x.entries()) {
        for (const [j, value] of row.entries()) expect(computed[t]![j]).toBeCloseTo(value, 5);
      }
      expect(weights.size).toBe(1 + 16 + 4);
    });
    vectors.dispose();
  });

  it('of their own are trained directly', () => {
    const vectors = new PromptVectors(2, 4, 'embedding', 0.02);
    tidy(() => {
      expect(array(vectors.forward())).toEqual(array(vectors.embeddings));
      vectors.forward().sum().backward();
      expect(array(vectors.embeddings.grad!)).toEqual([
        [1, 1, 1, 1],
        [1, 1, 1, 1],
      ]);
      vectors.refresh();
      expect(array(vectors.stored)).toEqual(array(vectors.embeddings));
    });
    vectors.dispose();
  });
});
