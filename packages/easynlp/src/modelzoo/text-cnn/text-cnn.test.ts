import { manualSeed, nn, noGrad, type Tensor, tensor, tidy } from '@easynlp/torch';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numLabels } from '../model-config.js';
import { textCnnConfig } from './config.js';
import { TextCnnForSequenceClassification } from './model.js';

const config = textCnnConfig({
  vocab_size: 20,
  embed_size: 5,
  conv_dim: 4,
  kernel_sizes: [1, 2, 3, 5],
  linear_hidden_size: 6,
  num_labels: 3,
  dropout: 0,
});
const ids = (rows: number[][]) => tensor(rows, { dtype: 'int64' });
const padded = (rows: number[][], length: number, filler = 0) => ({
  inputIds: ids(rows.map((row) => [...row, ...Array(length - row.length).fill(filler)])),
  attentionMask: ids(rows.map((row) => Array.from({ length }, (_, i) => (i < row.length ? 1 : 0)))),
});
const logitsOf = (
  model: TextCnnForSequenceClassification,
  inputs: { inputIds: Tensor; attentionMask?: Tensor },
) => noGrad(() => model.forward(inputs).logits.toArray()) as number[][];
const far = (a: number[], b: number[]) => Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));

describe('padding', () => {
  manualSeed(7); // among random weights of so few units some are dead for both texts below
  const model = new TextCnnForSequenceClassification(config).eval();

  it('changes nothing, whatever stands there and however short the text', () => {
    const row = fc.array(fc.integer({ min: 1, max: 19 }), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 0, max: 7 }),
        fc.integer({ min: 0, max: 19 }),
        (rows, more, filler) => {
          const length = Math.max(...rows.map((r) => r.length)) + more;
          const batch = logitsOf(model, padded(rows, length, filler));
          for (const [i, r] of rows.entries()) {
            expect(far(batch[i]!, logitsOf(model, { inputIds: ids([r]) })[0]!)).toBeLessThan(1e-5);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('the words do', () => {
    const [a, b] = logitsOf(model, {
      inputIds: ids([
        [3, 4, 5],
        [5, 4, 3],
      ]),
    });
    expect(far(a!, b!)).toBeGreaterThan(1e-4);
  });
});

it('is the definition: maximum over windows, computed by loops', () => {
  const small = textCnnConfig({
    vocab_size: 9,
    embed_size: 3,
    conv_dim: 2,
    kernel_sizes: [2],
    num_labels: 2,
  });
  const model = new TextCnnForSequenceClassification(small).eval();
  const row = [4, 7, 1, 8];
  const table = model.embedding.weight.toArray() as number[][];
  const kernel = model.convs[0]!.weight.toArray() as number[][][];
  const bias = model.convs[0]!.bias!.toArray() as number[];
  const words = [...row.map((id) => table[id]!), [0, 0, 0]];
  const pooled = kernel.map((channel, c) =>
    Math.max(
      0,
      ...row.map(
        (_, t) =>
          bias[c]! +
          channel.reduce((s, taps, e) => s + taps[0]! * words[t]![e]! + taps[1]! * words[t + 1]![e]!, 0),
      ),
    ),
  );
  const weight = model.classifier.weight.toArray() as number[][];
  const expected = weight.map(
    (w, k) =>
      w.reduce((s, x, c) => s + x * pooled[c]!, 0) + (model.classifier.bias!.toArray() as number[])[k]!,
  );
  expect(far(logitsOf(model, { inputIds: ids([row]) })[0]!, expected)).toBeLessThan(1e-5);
});

it('has the gradients of its loss', () => {
  manualSeed(4);
  const model = new TextCnnForSequenceClassification(config).eval().to({ dtype: 'float64' });
  const inputs = padded(
    [
      [3, 4, 5, 6, 7, 8],
      [9, 2],
    ],
    6,
  );
  const labels = tensor([2, 0], { dtype: 'int64' });
  const loss = () => nn.functional.crossEntropy(model.forward(inputs).logits, labels);
  loss().backward();
  const eps = 1e-6;
  let checked = 0;
  for (const [path, parameter] of model.namedParameters()) {
    const gradient = parameter.grad!.reshape([-1]).toTypedArray();
    const flat = noGrad(() => parameter.detach().view([-1]));
    const stride = Math.max(1, Math.floor(gradient.length / 25));
    for (let i = 0; i < gradient.length; i += stride) {
      if (path === 'embedding.weight' && i < 5) continue; // the padding row has no gradient by definition
      const at = (delta: number) =>
        tidy(() =>
          noGrad(() => {
            flat.narrow(0, i, 1).add_(delta);
            const value = loss().item();
            flat.narrow(0, i, 1).add_(-delta);
            return value;
          }),
        );
      const numeric = (at(eps) - at(-eps)) / (2 * eps);
      expect(Math.abs(numeric - Number(gradient[i])), `${path}[${i}]`).toBeLessThan(1e-6);
      checked++;
    }
  }
  expect(checked).toBeGreaterThan(150);
});

describe('configuration', () => {
  it('takes EasyNLP’s spellings', () => {
    const parsed = textCnnConfig({
      kernel_sizes: '1,2,3' as unknown as number[],
      linear_hidden_size: 512,
      dropout: 0.3,
      conv_dim: 100,
    });
    expect(parsed).toMatchObject({
      model_type: 'cnn',
      kernel_sizes: [1, 2, 3],
      hidden_size: 512,
      hidden_dropout_prob: 0.3,
      embed_size: 300,
    });
    expect(parsed).not.toHaveProperty('dropout');
    expect(numLabels(parsed)).toBe(2);
  });

  it('refuses nonsense by field', () => {
    expect(() => textCnnConfig({ kernel_sizes: [] })).toThrow(/kernel_sizes/);
    expect(() => textCnnConfig({ kernel_sizes: 'a' as unknown as number[] })).toThrow(/kernel_sizes/);
    expect(() => textCnnConfig({ conv_dim: 1.5 })).toThrow(/conv_dim/);
    expect(() => textCnnConfig({ dropout: 2 })).toThrow(/hidden_dropout_prob/);
  });

  it('says what is missing from a batch', () => {
    const model = new TextCnnForSequenceClassification(config);
    expect(() => model.forward({})).toThrow(/inputIds/);
  });
});
