import { manualSeed, noGrad, type Tensor, tensor, tidy } from '@easynlp/torch';
import { describe, expect, it } from 'vitest';
import { textClassify } from '../appzoo/text-classify/index.js';
import type { TextClassifySpec } from '../appzoo/text-classify/spec.js';
import { fineTuneObjective } from './objective.js';

// R13: the gradients of what is minimized, against differences of what is minimized, in float64.

const spec: TextClassifySpec = {
  app: 'text_classify',
  sequenceLength: 16,
  firstSequence: 'text',
  secondSequence: null,
  labelName: 'label',
  labels: ['a', 'b', 'c'],
};
const CONFIGS: Record<string, Record<string, unknown>> = {
  bert: {
    model_type: 'bert',
    vocab_size: 12,
    hidden_size: 8,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    intermediate_size: 12,
    max_position_embeddings: 8,
    hidden_dropout_prob: 0,
    attention_probs_dropout_prob: 0,
  },
  'text-cnn': {
    model_type: 'cnn',
    vocab_size: 12,
    embed_size: 6,
    conv_dim: 4,
    kernel_sizes: [1, 2, 3],
    hidden_size: 5,
    hidden_dropout_prob: 0,
  },
};

describe.each(Object.entries(CONFIGS))('fine-tuning %s', (_, config) => {
  it('every kind of weight has the gradient that differences give', async () => {
    manualSeed(3);
    const model = await textClassify.head(spec, { kind: 'config', config });
    model.to({ dtype: 'float64' });
    model.train();
    const objective = fineTuneObjective(textClassify);
    const inputs: Record<string, Tensor> = {
      // The second row is shorter: padding must have no part in it.
      inputIds: tensor(
        [
          [2, 5, 6, 7, 3],
          [2, 8, 3, 0, 0],
          [2, 9, 10, 3, 0],
        ],
        { dtype: 'int64' },
      ),
      attentionMask: tensor(
        [
          [1, 1, 1, 1, 1],
          [1, 1, 1, 0, 0],
          [1, 1, 1, 1, 0],
        ],
        { dtype: 'bool' },
      ),
      labels: tensor([0, 2, 1], { dtype: 'int64' }),
    };
    // Away from the start, where weights are small and many gradients nearly vanish.
    noGrad(() =>
      tidy(() => {
        for (const p of model.parameters()) p.mul_(2).add_(p.clone().normal_(0, 0.05));
      }),
    );
    const value = () => noGrad(() => tidy(() => objective.loss(model, inputs).loss.item()));
    tidy(() => objective.loss(model, inputs).loss.backward());

    const eps = 1e-6;
    let checked = 0;
    for (const [name, parameter] of model.namedParameters()) {
      const gradient = tidy(() => Array.from(parameter.grad!.contiguous().toTypedArray() as Float64Array));
      const values = tidy(() =>
        Float64Array.from(parameter.detach().contiguous().toTypedArray() as Float64Array),
      );
      const set = (i: number, v: number) =>
        noGrad(() => tidy(() => void parameter.reshape([-1]).narrow(0, i, 1).fill_(v)));
      // Up to twelve elements of each, spread evenly.
      const stride = Math.max(1, Math.floor(values.length / 12));
      for (let i = 0; i < values.length; i += stride) {
        set(i, values[i]! + eps);
        const above = value();
        set(i, values[i]! - eps);
        const below = value();
        set(i, values[i]!);
        const numeric = (above - below) / (2 * eps);
        // Differences of float64 losses near 1 are good to about 1e-10 / 1e-6 · ε.
        const tolerance = 1e-6 * Math.max(1e-2, Math.abs(numeric));
        expect(Math.abs(gradient[i]! - numeric), `${name}[${i}]: ${gradient[i]} and ${numeric}`).toBeLessThan(
          tolerance,
        );
        checked++;
      }
    }
    expect(checked).toBeGreaterThan(90);
    model.dispose();
    for (const input of Object.values(inputs)) input.dispose();
  });
});
