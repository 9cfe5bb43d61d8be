import { amp, manualSeed, nn, noGrad, type Tensor, tidy } from '@easynlp/torch';
import { describe, expect, it } from 'vitest';
import type { HostBatch, HostTensor } from '../datahub/index.js';
import { BertForSequenceClassification, bertPreset } from '../modelzoo/bert/index.js';
import { uploadBatch } from './runtime.js';
import { canUnpad, modelInputs, unpadBatch } from './unpad-batch.js';

const config = bertPreset('tiny', {
  vocabSize: 50,
  fields: {
    hidden_size: 24,
    num_attention_heads: 3,
    intermediate_size: 40,
    max_position_embeddings: 45,
    initializer_range: 0.3,
    hidden_dropout_prob: 0,
    attention_probs_dropout_prob: 0,
  },
});

function batchOf(lengths: readonly number[], width: number): HostBatch {
  const shape = [lengths.length, width];
  const size = lengths.length * width;
  const inputIds = new Int32Array(size);
  const tokenTypeIds = new Int32Array(size);
  const mask = new Uint8Array(size);
  for (const [b, n] of lengths.entries()) {
    for (let t = 0; t < n; t++) {
      inputIds[b * width + t] = 1 + ((b * 7 + t * 3) % 49);
      tokenTypeIds[b * width + t] = t > n / 2 ? 1 : 0;
      mask[b * width + t] = 1;
    }
  }
  const tokens = lengths.reduce((a, n) => a + n, 0);
  return {
    tensors: {
      inputIds: { data: inputIds, shape, dtype: 'int32' },
      tokenTypeIds: { data: tokenTypeIds, shape, dtype: 'int32' },
      attentionMask: { data: mask, shape, dtype: 'bool' },
      labels: { data: new BigInt64Array(lengths.length), shape: [lengths.length], dtype: 'int64' },
    },
    size: lengths.length,
    tokens,
    paddedTokens: size,
  };
}

const norm = (t: Tensor) => Math.sqrt(t.square().sum().item());
const lengths = [40, 3, 1, 17, 5, 9];

describe('batches without padding', () => {
  it('say where the tokens are', () => {
    const { tensors, longest } = unpadBatch(batchOf(lengths, 40));
    const numbers = (name: string) => [...(tensors[name]!.data as BigInt64Array)].map(Number);
    expect(tensors.inputIds!.shape).toEqual([6, 64]);
    expect(numbers('unpadding.starts')).toEqual([0, 40, 43, 44, 61, 66, 75, 96]);
    const rows = numbers('unpadding.rows');
    expect(rows.length).toBe(96);
    expect(rows.slice(38, 45)).toEqual([38, 39, 64, 65, 66, 128, 192]);
    const places = numbers('unpadding.places');
    for (const [n, place] of rows.slice(0, 75).entries()) expect(places[place]).toBe(n);
    expect(places[40]).toBe(75); // padding
    expect(longest).toBe(64);
    // The texts themselves are where they were.
    const ids = tensors.inputIds!.data as Int32Array;
    expect([...ids.subarray(64, 68)]).toEqual([8, 11, 14, 0]);
  });

  it('are left alone where that would save nothing or break something', () => {
    const full = batchOf([40, 40], 40);
    expect(unpadBatch(full)).toEqual({ tensors: full.tensors, longest: null });
    const holes = batchOf([40, 3, 3, 3], 40);
    (holes.tensors.attentionMask!.data as Uint8Array)[60] = 1;
    expect(unpadBatch(holes).longest).toBeNull();
    const empty = batchOf([40, 0, 3, 3], 40);
    expect(unpadBatch(empty).longest).toBeNull();
    const perToken = batchOf(lengths, 40);
    const wider = {
      ...perToken,
      tensors: { ...perToken.tensors, tags: perToken.tensors.inputIds as HostTensor },
    };
    expect(unpadBatch(wider).longest).toBeNull();
  });

  it.each([
    [false, 24],
    [true, 24],
    [true, 30],
  ])('give the loss and the gradients of padded ones; working copies: %s, hidden size %i', (low, hidden) => {
    manualSeed(3);
    const model = new BertForSequenceClassification({ ...config, hidden_size: hidden });
    expect(canUnpad(model)).toBe(true);
    const batch = batchOf(lengths, 40);
    const copies = low ? new amp.WorkingCopies(model) : null;
    const run = (inputs: Readonly<Record<string, Tensor>>) =>
      tidy(() => {
        model.zeroGrad();
        const forward = () => {
          const { logits } = model.forward(inputs);
          return nn.functional.crossEntropy(logits.to({ dtype: 'float32' }), inputs.labels!);
        };
        const loss = copies ? copies.run(() => amp.autocast({}, forward)) : forward();
        loss.backward();
        copies?.collectGradients();
        return [loss.detach(), ...model.parameters().map((p) => p.grad!.clone())];
      });
    const padded = run(uploadBatch(batch, 'cpu'));
    const { tensors, longest } = unpadBatch(batch);
    const bare = run(modelInputs(uploadBatch({ tensors }, 'cpu'), longest));
    const names = ['loss', ...[...model.namedParameters()].map(([name]) => name)];
    noGrad(() => {
      for (const [i, expected] of padded.entries()) {
        if (names[i]!.endsWith('key.bias')) continue; // zero in exact arithmetic
        const scale = Math.max(1e-9, norm(expected));
        expect(norm(bare[i]!.sub(expected)) / scale, names[i]).toBeLessThan(low ? 0.05 : 1e-4);
      }
    });
    copies?.dispose();
  });
});
