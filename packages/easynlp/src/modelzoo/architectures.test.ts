import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { amp, inferenceMode, manualSeed, memory, nn, tensor, tidy } from '@easynlp/torch';
import { afterAll, describe, expect, it } from 'vitest';
import { ARCHITECTURES, longestText } from './architectures.js';
import {
  AutoModel,
  AutoModelForMaskedLM,
  AutoModelForQuestionAnswering,
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
} from './auto.js';
import { AutoConfig } from './auto-config.js';
import { relativeError } from './bert/parity.fixture.js';
import { savePretrained } from './save-pretrained.js';

const root = mkdtempSync(join(tmpdir(), 'easynlp-architectures-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const encoders = ARCHITECTURES.filter((row) => row.build.encoder).map((row) => row.modelType);

/** Every spelling of the same sizes; each architecture takes those that it knows. */
const tiny = (model_type: string) => ({
  ...{ model_type, vocab_size: 40, max_position_embeddings: 16, initializer_range: 0.2 },
  ...{
    hidden_size: 16,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    intermediate_size: 24,
    type_vocab_size: 2,
  },
  ...{ dim: 16, n_layers: 2, n_heads: 2, hidden_dim: 24, embedding_size: 8 },
  ...{ relative_attention: true, position_buckets: 4, pos_att_type: ['c2p', 'p2c'], conv_kernel_size: 3 },
  use_task_id: true,
});
const inputIds = tensor(
  [
    [3, 7, 9, 12, 5],
    [4, 8, 1, 1, 1],
  ],
  { dtype: 'int64' },
);
const attentionMask = tensor(
  [
    [1, 1, 1, 1, 1],
    [1, 1, 0, 0, 0],
  ],
  { dtype: 'int64' },
);
const inputs = { inputIds, attentionMask };

describe.each(encoders)('%s', (modelType) => {
  it.each([
    ['encoder', AutoModel],
    ['sequence', AutoModelForSequenceClassification],
    ['tokens', AutoModelForTokenClassification],
    ['masked', AutoModelForMaskedLM],
    ['answers', AutoModelForQuestionAnswering],
  ] as const)('%s: saved and loaded, it computes the same', async (kind, Auto) => {
    manualSeed(5);
    const model = Auto.fromConfig(tiny(modelType), kind === 'encoder' ? {} : { numLabels: 3 });
    model.eval();
    const folder = join(root, `${modelType}-${kind}`);
    await savePretrained(folder, model);
    const remarks: string[] = [];
    const again = await Auto.fromPretrained(folder, { onInfo: (line) => remarks.push(line) });
    expect(remarks).toEqual([]);
    const run = (m: typeof model) =>
      inferenceMode(() => {
        const output = m.forward(inputs);
        return ('logits' in output ? output.logits : output.lastHiddenState).toArray();
      });
    expect(run(again)).toEqual(run(model));
  });

  it('a classifier begins with the weights of an encoder', async () => {
    const folder = join(root, `${modelType}-pre`);
    const lm = AutoModelForMaskedLM.fromConfig(tiny(modelType));
    await savePretrained(folder, lm);
    const remarks: string[] = [];
    const options = { numLabels: 3, onInfo: (line: string) => remarks.push(line) };
    const model = await AutoModelForSequenceClassification.fromPretrained(folder, options);
    expect(remarks[0]).toMatch(/Begun anew.*classifier/);
    const name = [...lm.stateDict().keys()].find((key) => key.endsWith('word_embeddings.weight'))!;
    expect(model.stateDict().get(name)!.toArray()).toEqual(lm.stateDict().get(name)!.toArray());
  });

  it('learns: the loss falls, nothing leaks, bfloat16 runs', () => {
    manualSeed(1);
    const model = AutoModelForSequenceClassification.fromConfig(tiny(modelType), { numLabels: 2 });
    model.eval(); // without dropout
    const labels = tensor([0, 1], { dtype: 'int64' });
    const step = () =>
      tidy(() => {
        const loss = nn.functional.crossEntropy(model.forward(inputs).logits, labels);
        loss.backward();
        for (const p of model.parameters()) {
          if (p.grad) tidy(() => p.setData(p.detach().sub(p.grad!.mul(0.05))));
        }
        model.zeroGrad();
        return loss.item();
      });
    const first = step();
    const before = memory().tensors;
    let last = first;
    for (let i = 0; i < 8; i++) last = step();
    expect(last).toBeLessThan(first);
    expect(memory().tensors).toBeLessThanOrEqual(before); // fewer where garbage was collected
    const exact = inferenceMode(() => model.forward(inputs).logits);
    const half = inferenceMode(() =>
      amp.autocast({ device: 'cpu', dtype: 'bfloat16' }, () => model.forward(inputs).logits),
    );
    expect(relativeError(half.to({ dtype: 'float32' }), exact)).toBeLessThan(0.1);
  });

  it('says how long texts may be', () => {
    const config = AutoConfig.fromObject(tiny(modelType));
    const expected = { roberta: 14, nezha: null }[modelType];
    expect(longestText(config)).toBe(expected === undefined ? 16 : expected);
  });
});

it('DKPLM is fine-tuned, and saved, as BERT', async () => {
  const model = AutoModelForMaskedLM.fromConfig(tiny('dkplm'));
  expect(model.constructor.name).toBe('BertForMaskedLM');
  expect(model.config.model_type).toBe('bert');
});

it('K-BERT is loaded, and saved, as BERT', () => {
  const model = AutoModelForMaskedLM.fromConfig(tiny('kbert'));
  expect(model.constructor.name).toBe('BertForMaskedLM');
  expect(model.config.model_type).toBe('bert');
});

it('every architecture has a paper and a word in both languages', () => {
  for (const { modelType, title, paper, about } of ARCHITECTURES) {
    expect(title, modelType).not.toBe('');
    expect(paper, modelType).toMatch(/(19|20)\d\d/);
    expect(about.en.trim(), modelType).not.toBe('');
    expect(about.zh.trim(), modelType).not.toBe('');
  }
});
