import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { manualSeed, memory, Tensor, tidy } from '@easynlp/torch';
import { describe, expect, it } from 'vitest';
import { Tokenizer } from '../../text/index.js';
import type { ModelInputs } from '../app.js';
import { multipleChoice } from './index.js';
import type { MultipleChoiceSpec } from './spec.js';

/** Configurations of the parity fixtures: one of each architecture. */
const MODELS = fileURLToPath(new URL('../../modelzoo/', import.meta.url));
const architectures = readdirSync(MODELS, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name }): [string, string][] => {
    try {
      return [[name, `${MODELS}${name}/fixtures/${readdirSync(`${MODELS}${name}/fixtures`).at(-1)}`]];
    } catch {
      return [];
    }
  })
  .filter(([, folder]) => readdirSync(folder).includes('config.json'));

const spec: MultipleChoiceSpec = {
  ...{ app: 'multiple_choice', sequenceLength: 12, firstSequence: 'text', secondSequence: null },
  ...{
    choicesName: ['choices'],
    labelName: 'label',
    gold: 'index',
    gap: null,
    groupName: null,
    choices: null,
  },
};
const tokenizer = Tokenizer.fromVocab([
  ...['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'],
  ...'一二三四五六七八九十甲乙丙丁',
]);
const rows = [
  { text: '一二三', choices: ['甲', '乙丙'], label: 1 },
  { text: '四五', choices: ['丁', '甲乙', '丙'], label: 0 },
].map((values, i) => ({ values, file: 'rows', line: i + 1 }));

describe('multiple choice with every encoder', () => {
  it('finds them', () => {
    expect(architectures.length).toBeGreaterThanOrEqual(10);
  });

  it.each(architectures)(
    '%s: one score a choice, a gradient for all, nothing left behind',
    async (_, folder) => {
      const stored = JSON.parse(readFileSync(`${folder}/config.json`, 'utf8')) as Record<string, unknown>;
      // The tokenizer of this test tells the two texts of a pair apart.
      const config = { ...stored, type_vocab_size: 2 };
      manualSeed(3);
      const model = await multipleChoice.head(spec, { kind: 'config', config });
      const context = { spec, tokenizer };
      const encoded = await multipleChoice.encode(rows, context, { labels: true });
      const batch = multipleChoice.collate(encoded, context);
      expect([batch.size, batch.tensors.inputIds!.shape[0]]).toEqual([2, 5]);
      const step = () =>
        tidy(() => {
          const inputs = Object.fromEntries(
            Object.entries(batch.tensors).map(([name, { data, shape, dtype }]) => [
              name,
              Tensor.fromTypedArray(data, shape, { dtype }),
            ]),
          ) as ModelInputs;
          const outputs = model.forward(inputs);
          expect(outputs.logits!.shape).toEqual([5, 1]);
          const loss = multipleChoice.loss(outputs, inputs);
          expect(Number.isFinite(loss.item())).toBe(true);
          loss.backward();
          expect(model.parameters().some((p) => p.grad !== null && p.grad.abs().sum().item() > 0)).toBe(true);
          for (const parameter of model.parameters()) parameter.grad = null;
        });
      // What a model keeps from its first step on (tables of positions) is no leak.
      step();
      const before = memory().tensors;
      step();
      expect(memory().tensors).toBe(before);
      model.dispose();
    },
  );
});
