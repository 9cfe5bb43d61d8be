import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { files, Tensor } from '@easynlp/torch';
import { describe, expect, it } from 'vitest';
import { largest, relativeError } from '../../modelzoo/bert/parity.fixture.js';
import { pipeline } from '../../predictor/pipeline.js';
import type { ModelInputs } from '../app.js';
import { openArtefact } from '../artefact.js';
import type { EncodedQuestion } from './encode.js';

/** Made by scripts/oracle/multiple_choice.py. */
const FIXTURES = fileURLToPath(new URL('./fixtures/', import.meta.url));
const TOLERANCE = 1e-5;

interface Question {
  readonly context: string;
  readonly choices: readonly string[];
  readonly label: number;
}

const inputsOf = (
  tensors: Readonly<Record<string, { data: never; shape: readonly number[]; dtype: never }>>,
) =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, { data, shape, dtype }]) => [
      name,
      Tensor.fromTypedArray(data, shape, { dtype }),
    ]),
  ) as ModelInputs;

describe.each(['equal', 'uneven'])('multiple choice against BertForMultipleChoice: %s', (name) => {
  const folder = `${FIXTURES}${name}`;
  const expected = files.loadSafetensors(`${folder}/expected.safetensors`, { copy: true });
  const questions = JSON.parse(readFileSync(`${folder}/rows.json`, 'utf8')) as Question[];
  const open = async () => {
    // Weights of transformers are a model of this task as they are.
    const opened = await openArtefact(folder, 'multiple_choice');
    const context = { spec: opened.spec, tokenizer: opened.tokenizer };
    const rows = questions.map((values, i) => ({ values: { ...values }, file: 'rows', line: i + 1 }));
    const encoded = (await opened.app.encode(rows, context, { labels: true })) as EncodedQuestion[];
    return { ...opened, context, encoded };
  };

  it('the same tokens, scores, loss and every gradient', async () => {
    const { app, model, context, encoded } = await open();
    const batch = app.collate(encoded, context, { alwaysMask: true });
    expect(batch.size).toBe(questions.length);
    const inputs = inputsOf(batch.tensors as never);
    for (const [ours, theirs] of [
      ['inputIds', 'input_ids'],
      ['tokenTypeIds', 'token_type_ids'],
      ['attentionMask', 'attention_mask'],
    ] as const) {
      expect(inputs[ours]!.to({ dtype: 'int64' }).toArray(), ours).toEqual(expected.get(theirs)!.toArray());
    }
    const outputs = model.forward(inputs);
    expect(relativeError(outputs.logits!, expected.get('logits')!)).toBeLessThanOrEqual(TOLERANCE);
    const loss = app.loss(outputs, inputs);
    expect(relativeError(loss, expected.get('loss')!)).toBeLessThanOrEqual(TOLERANCE);
    loss.backward();
    const names: string[] = [];
    for (const [path, parameter] of model.namedParameters()) {
      names.push(`grad.${path}`);
      const wanted = expected.get(`grad.${path}`)!;
      // 0 in exact arithmetic (what all keys, or all choices, share changes no softmax): measured beside its sibling.
      const sibling =
        path === 'classifier.bias' ? 'classifier.weight' : path.replace('key.bias', 'query.bias');
      const scale = largest(expected.get(`grad.${sibling}`)!);
      expect(relativeError(parameter.grad!, wanted, scale), path).toBeLessThanOrEqual(TOLERANCE);
    }
    expect(names.sort()).toEqual([...expected.keys()].filter((key) => key.startsWith('grad.')).sort());
  });

  it('answers through a pipeline, without the labels', async () => {
    const choose = await pipeline('multiple_choice', folder, { device: 'cpu' });
    const logits = expected.get('logits')!.toFloat32Array();
    const results = await choose(questions.map(({ context, choices }) => ({ context, choices })));
    let at = 0;
    for (const [i, { choices }] of questions.entries()) {
      const own = Array.from(logits.subarray(at, at + choices.length));
      at += choices.length;
      const best = own.indexOf(Math.max(...own));
      expect(results[i]).toMatchObject({ index: best, choice: choices[best] });
      for (const { index, logit } of results[i]!.scores) expect(logit).toBeCloseTo(own[index]!, 5);
      expect(results[i]!.scores.reduce((sum, s) => sum + s.probability, 0)).toBeCloseTo(1, 12);
    }
    choose.dispose();
  });
});
