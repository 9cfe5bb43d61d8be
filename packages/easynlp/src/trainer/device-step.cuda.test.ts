import { cuda, keep, manualSeed, noGrad, optim, tidy, zeros } from '@easynlp/torch';
import { describe, expect, it } from 'vitest';
import { textClassify } from '../appzoo/text-classify/index.js';
import type { HostBatch } from '../datahub/index.js';
import { BertForSequenceClassification, bertPreset } from '../modelzoo/bert/index.js';
import { DeviceStep } from './device-step.js';
import type { Objective } from './objective.js';

const objective: Objective = {
  name: 'test',
  capturable: true,
  loss: (model, inputs) => ({ loss: textClassify.loss(model.forward(inputs), inputs) }),
};

function batchOf(seed: number, lengths: readonly number[], width: number): HostBatch {
  const shape = [lengths.length, width];
  const ids = new Int32Array(lengths.length * width);
  const mask = new Uint8Array(ids.length);
  for (const [b, n] of lengths.entries()) {
    mask.fill(1, b * width, b * width + n);
    for (let t = 0; t < n; t++) ids[b * width + t] = 1 + ((b * 31 + t * 17 + seed * 13) % 199);
  }
  return {
    tensors: {
      inputIds: { data: ids, shape, dtype: 'int32' },
      attentionMask: { data: mask, shape, dtype: 'bool' },
      labels: {
        data: BigInt64Array.from(lengths, (_, i) => BigInt((i + seed) % 2)),
        shape: [lengths.length],
        dtype: 'int64',
      },
    },
    size: lengths.length,
    tokens: lengths.reduce((a, n) => a + n, 0),
    paddedTokens: ids.length,
  };
}

const LENGTHS = [60, 3, 41, 17, 5, 33, 9, 20];

interface Outcome {
  readonly losses: number[];
  readonly graphs: number;
  readonly weights: number[][];
}

function train(options: {
  graphs: boolean;
  precision: 'bf16' | 'fp32';
  dropout: number;
  lengths: readonly number[];
}): Outcome {
  const { graphs, precision, dropout, lengths } = options;
  const device = 'cuda:0';
  manualSeed(11);
  const fields = { hidden_dropout_prob: dropout, attention_probs_dropout_prob: dropout };
  const config = bertPreset('tiny', { vocabSize: 200, fields });
  const model = new BertForSequenceClassification(config).to({ device }).train();
  const optimizer = new optim.AdamW(model.parameters(), { lr: 1e-3 });
  const lossSum = keep(zeros([], { dtype: 'float64', device }));
  manualSeed(12);
  const step = new DeviceStep({
    model,
    objective,
    optimizer,
    scaler: null,
    runtime: { device, precision },
    maxGradNorm: 1,
    graphs,
    lossSum,
    addLogs: () => {},
    check: () => {},
  });
  const losses = Array.from({ length: 10 }, (_, i) =>
    step.run([{ batch: batchOf(i, lengths, 64), weight: 1 }], 1e-3).item(),
  );
  const outcome = {
    losses,
    graphs: step.graphCount,
    weights: noGrad(() => tidy(() => model.parameters().map((p) => [...p.toFloat32Array()]))),
  };
  step.dispose();
  optimizer.dispose();
  lossSum.dispose();
  model.dispose();
  return outcome;
}

describe.skipIf(!cuda.isAvailable())('a step on CUDA', () => {
  it.each([
    ['texts of many lengths', LENGTHS],
    ['full texts', LENGTHS.map(() => 64)],
  ])('as a graph equals the eager one: %s', (_, lengths) => {
    const options = { precision: 'bf16', dropout: 0.1, lengths } as const;
    const eager = train({ ...options, graphs: false });
    const graph = train({ ...options, graphs: true });
    expect(eager.graphs).toBe(0);
    expect(graph.graphs).toBe(1);
    expect(graph.losses).toEqual(eager.losses);
    expect(graph.weights).toEqual(eager.weights);
  });

  it('with working copies and without padding learns as the float32 one', () => {
    const options = { graphs: false, dropout: 0, lengths: LENGTHS } as const;
    const exact = train({ ...options, precision: 'fp32' });
    const low = train({ ...options, precision: 'bf16' });
    for (const [i, loss] of low.losses.entries())
      expect(Math.abs(loss - exact.losses[i]!)).toBeLessThan(0.03);
  });
});
