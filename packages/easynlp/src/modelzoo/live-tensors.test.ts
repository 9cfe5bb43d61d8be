import { inferenceMode, manualSeed, memory, nn, optim, randint, tidy } from '@easynlp/torch';
import { expect, it } from 'vitest';
import { bertPreset } from './bert/config.js';
import { BertForSequenceClassification } from './bert/heads.js';
import type { SequenceClassifier } from './interfaces.js';
import { textCnnConfig } from './text-cnn/config.js';
import { TextCnnForSequenceClassification } from './text-cnn/model.js';

/*
 * In a file of its own, with everything that lives outside scopes held here: what garbage collection frees or has not
 * yet freed would change the counts otherwise.
 */
manualSeed(8);
const inputIds = randint(1, 50, [4, 12]);
const labels = randint(0, 2, [4]);
const attentionMask = tidy(() => randint(0, 2, [4, 12]).add(1).clamp({ max: 1 }));
const models: [string, SequenceClassifier][] = [
  [
    'BERT',
    new BertForSequenceClassification(
      bertPreset('tiny', {
        vocabSize: 50,
        fields: { hidden_size: 24, num_attention_heads: 3, intermediate_size: 40 },
      }),
    ),
  ],
  [
    'TextCNN',
    new TextCnnForSequenceClassification(
      textCnnConfig({ vocab_size: 50, embed_size: 6, conv_dim: 5, linear_hidden_size: 7, dropout: 0.1 }),
    ),
  ],
];
const optimizers = new Map(
  models.map(([name, model]) => [name, new optim.AdamW(model.parameters(), { lr: 3e-3 })]),
);

it.each(models)('%s: a forward pass leaves its result and nothing else', (name, model) => {
  model.eval();
  const before = memory().tensors;
  const { logits } = inferenceMode(() => model.forward({ inputIds, attentionMask }));
  expect(memory().tensors).toBe(before + 1);
  logits.dispose();
  if (name === 'BERT') {
    const traced = inferenceMode(() =>
      model.forward({ inputIds }, { outputHiddenStates: true, outputAttentions: true }),
    );
    expect(memory().tensors).toBe(before + 1 + 3 + 2);
    for (const t of [traced.logits, ...traced.hiddenStates!, ...traced.attentions!]) t.dispose();
  }
  expect(memory().tensors).toBe(before);
});

it.each(models)('%s: training keeps the number of tensors and bytes, and learns', (name, model) => {
  model.train();
  const optimizer = optimizers.get(name)!;
  const step = () =>
    tidy(() => {
      model.zeroGrad();
      const loss = nn.functional.crossEntropy(model.forward({ inputIds, attentionMask }).logits, labels);
      loss.backward();
      optimizer.step();
      return loss.item();
    });
  const first = step();
  step();
  const before = memory();
  let last = first;
  for (let i = 0; i < 100; i++) last = step();
  const after = memory();
  expect(after.tensors).toBe(before.tensors);
  expect(after.bytes).toEqual(before.bytes);
  expect(last).toBeLessThan(first / 3); // four texts, learnt by heart
});
