import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { memory, noGrad, randn, type Tensor, tensor } from '@easynlp/torch';
import { beforeAll, describe, expect, it } from 'vitest';
import '../../methods.js';
import { readManifest } from '../../appzoo/artefact.js';
import { reviews, tiny, workFolder, writeTsv } from '../../predictor/models.fixture.js';
import { metricsOf, remains, runTrain } from '../../trainer/runs.fixture.js';
import { train } from '../../trainer/train.js';
import { layerMap } from './layer-map.js';
import { attentionLoss, hiddenLoss } from './losses.js';

const folder = workFolder('kd-intermediate');
const file = (name: string) => join(folder, name);
const rows = writeTsv(file('train.tsv'), reviews(40));
const dev = writeTsv(file('dev.tsv'), reviews(20));
const vocabulary = file('teacher');
let teacher = '';

/** A student of another width and with other heads, whose tokenizer is the teacher's. */
const student = (options: Record<string, unknown> = {}) => ({
  ...tiny('bert'),
  ...{ layers: 2, hiddenSize: 16, heads: 2, intermediateSize: 32, dropout: 0.1 },
  ...{ maxSteps: undefined, epochs: 2, loggingSteps: 1, numThreads: 1 },
  method: 'kd_intermediate',
  teacher: [teacher],
  tokenizer: vocabulary,
  train: rows,
  dev,
  ...options,
});
type Parts = Record<string, number>;
const logged = (output: string) =>
  metricsOf(output)
    .map((line) => JSON.parse(line) as { event: string; parts: Parts; loss: number })
    .filter(({ event }) => event === 'train');

beforeAll(async () => {
  teacher = file('teacher');
  await train({
    ...tiny('bert'),
    ...{ layers: 4, hiddenSize: 32, heads: 4, train: rows, output: teacher },
  });
});

/** Rows padded with noise to another width, or in another order, must not change a loss. */
const padded = (x: Tensor, dims: readonly number[], to: number): Tensor =>
  noGrad(() => {
    let out = x;
    for (const dim of dims) {
      const shape = [...out.shape];
      shape[dim] = to - shape[dim]!;
      out = catAlong(out, randn(shape), dim);
    }
    return out;
  });
const catAlong = (a: Tensor, b: Tensor, dim: number): Tensor => {
  const grown = a.shape.with(dim, a.size(dim) + b.size(dim));
  const out = randn(grown);
  out.narrow(dim, 0, a.size(dim)).copy_(a);
  out.narrow(dim, a.size(dim), b.size(dim)).copy_(b);
  return out;
};

describe('losses of layers', () => {
  it('hidden states: the mean over tokens, whatever stands in the padding', () => {
    const a = tensor([
      [
        [1, 2],
        [3, 4],
      ],
    ]);
    const b = tensor([
      [
        [0, 0],
        [3, 2],
      ],
    ]);
    expect(hiddenLoss(a, b, null).item()).toBeCloseTo((2.5 + 2) / 2, 6);
    expect(hiddenLoss(a, b, tensor([[1, 0]])).item()).toBeCloseTo(2.5, 6);
    const tokens = tensor([[1, 1, 0, 0, 0]]);
    expect(hiddenLoss(padded(a, [1], 5), padded(b, [1], 5), tokens).item()).toBeCloseTo(2.25, 6);
  });

  it('attention: the sum over keys, the mean over heads and real queries', () => {
    const a = tensor([
      [
        [
          [1, 0],
          [0.5, 0.5],
        ],
        [
          [0, 1],
          [0, 1],
        ],
      ],
    ]);
    const b = tensor([
      [
        [
          [0, 1],
          [0.5, 0.5],
        ],
        [
          [0, 1],
          [1, 0],
        ],
      ],
    ]);
    expect(attentionLoss(a, b, null).item()).toBeCloseTo((2 + 0 + 0 + 2) / 4, 6);
    expect(attentionLoss(a, b, tensor([[1, 0]])).item()).toBeCloseTo(1, 6);
    const one = attentionLoss(
      a,
      tensor([
        [
          [
            [0, 1],
            [0.5, 0.5],
          ],
        ],
      ]),
      null,
    );
    expect(one.item()).toBeCloseTo((0.5 + 2 * 0.25 ** 2) / 2, 6); // heads' mean: (.5, .5), (.25, .75)
  });

  it('do not depend on the order of the batch, and gradients equal finite differences', () => {
    const make = (shape: number[]) => noGrad(() => randn(shape, { dtype: 'float64' }));
    const a = make([3, 4, 2]);
    const b = make([3, 4, 2]);
    const tokens = tensor([
      [1, 1, 0, 0],
      [1, 1, 1, 1],
      [1, 0, 0, 0],
    ]);
    const order = tensor([2, 0, 1], { dtype: 'int64' });
    const turned = (x: Tensor) => x.indexSelect(0, order);
    const loss = hiddenLoss(a, b, tokens).item();
    expect(hiddenLoss(turned(a), turned(b), turned(tokens)).item()).toBeCloseTo(loss, 6);
    const x = a.to({ dtype: 'float32', copy: true });
    x.requiresGrad = true;
    hiddenLoss(x, b, tokens).backward();
    const analytic = x.grad!.toFloat32Array();
    const data = a.toFloat32Array();
    for (const i of [0, 3, 5, 9, 16, 20]) {
      const at = (by: number) => {
        const moved = Array.from(data);
        moved[i]! += by;
        return hiddenLoss(tensor(moved).reshape([3, 4, 2]), b, tokens).item();
      };
      expect(analytic[i]!).toBeCloseTo((at(0.02) - at(-0.02)) / 0.04, 3);
    }
    expect(Array.from(analytic.subarray(4, 8), Math.abs)).toEqual([0, 0, 0, 0]); // padding
  });

  it('layers are paired evenly, or as one says', () => {
    const pairs = (...args: Parameters<typeof layerMap>) =>
      layerMap(...args).map(({ student: s, teacher: t }) => `${s}:${t}`);
    expect(pairs(undefined, 2, 4)).toEqual(['1:2', '2:4']);
    expect(pairs(undefined, 4, 12)).toEqual(['1:3', '2:6', '3:9', '4:12']);
    expect(pairs(undefined, 3, 2)).toEqual(['1:1', '2:1', '3:2']);
    expect(pairs(['2:3'], 2, 4)).toEqual(['2:3']);
    for (const wrong of ['0:1', '3:1', '1:5', '1-2', '1:2:3', 'a:b', '1:2.5']) {
      expect(() => layerMap([wrong], 2, 4)).toThrow(/student's 1 to 2 and the teacher's 1 to 4/);
    }
  });
});

describe('method kd_intermediate', () => {
  it('brings every part down, and leaves a plain model without the projections', async () => {
    const output = file('student');
    await train(student({ output, epochs: 12, dropout: 0 }));
    const lines = logged(output);
    expect(Object.keys(lines[0]!.parts)).toEqual(['attention', 'embedding', 'hard', 'hidden', 'soft']);
    const mean = (part: string, some: typeof lines) =>
      some.reduce((sum, { parts }) => sum + parts[part]!, 0) / some.length;
    for (const part of ['embedding', 'hidden', 'soft']) {
      expect(mean(part, lines.slice(-5))).toBeLessThan(0.8 * mean(part, lines.slice(0, 5)));
    }
    const manifest = await readManifest(output);
    expect(manifest.task.method).toBeUndefined();
    expect(existsSync(join(output, 'model.safetensors'))).toBe(true);
  });

  it('resumes bitwise: projections, schedules and sums are in the checkpoint', async () => {
    const options = student({
      ...{ temperature: 3, temperatureEnd: 1, intermediateWeightEnd: 0.1, loggingSteps: 3, keepLast: 0 },
    });
    const whole = file('whole');
    await runTrain({ ...options, output: whole });
    const parts = file('parts');
    await runTrain({ ...options, output: parts }, 4);
    await runTrain({ ...options, output: parts, resume: 'auto' });
    expect(remains(parts)).toEqual(remains(whole));
  });

  it('leaves parts out whose weight is 0, takes unlabelled rows, and keeps no tensors', async () => {
    const unlabelled = writeTsv(
      file('more.tsv'),
      reviews(16).map(({ text }) => ({ text })),
    );
    const before = memory().tensors;
    const output = file('only-attention');
    const { result } = await runTrain(
      student({
        ...{ output, hiddenWeight: 0, embeddingWeight: 0, logitsWeight: 0, unlabelled: [unlabelled] },
        ...{ epochs: 1, layerMap: ['2:4'] },
      }),
    );
    expect(memory().tensors).toBe(before);
    expect(result.steps).toBe(7);
    const [first] = logged(output);
    expect(first!.loss).toBeCloseTo(first!.parts.attention!, 5);
    expect(first!.parts.hidden).toBeUndefined();
  });

  it('refuses teachers that it cannot look into', async () => {
    const refusal = (options: Record<string, unknown>) =>
      train(student({ output: file('never'), ...options }));
    const other = writeTsv(
      file('other.tsv'),
      reviews(30).map((row) => ({ ...row, text: `${row.text}茶` })),
    );
    const foreign = file('foreign');
    await train({ ...tiny('bert'), train: other, output: foreign, maxSteps: 1 });
    await expect(refusal({ teacher: [foreign] })).rejects.toMatchObject({
      code: 'DISTILL_TEACHER',
      message: expect.stringMatching(/its tokenizer is another one/),
    });
    const cnn = file('cnn');
    await train({ ...tiny('text-cnn'), train: rows, tokenizer: vocabulary, output: cnn, maxSteps: 1 });
    await expect(refusal({ teacher: [cnn] })).rejects.toMatchObject({
      message: expect.stringMatching(/no layers to learn from/),
    });
    await expect(refusal({ layerMap: ['1:9'] })).rejects.toMatchObject({ code: 'CONFIG_INVALID_VALUE' });
    await expect(refusal({ teacher: [teacher, cnn] })).rejects.toMatchObject({ code: 'CONFIG_CONFLICT' });
    await expect(
      refusal({ hiddenWeight: 0, attentionWeight: 0, embeddingWeight: 0, logitsWeight: 0 }),
    ).rejects.toMatchObject({ code: 'CONFIG_CONFLICT' });
    expect(existsSync(file('never'))).toBe(false);
  });
});
