import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { files, nn, noGrad, type Tensor } from '@easynlp/torch';
import { describe, expect, it } from 'vitest';
import { uploadBatch } from '../../appzoo/runtime.js';
import { padSequences } from '../../datahub/index.js';
import { largest, relativeError } from '../../modelzoo/bert/parity.fixture.js';
import {
  AutoModel,
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
} from '../../modelzoo/index.js';
import { buildSentenceTree } from './sentence-tree.js';
import { collateTrees } from './tree-rows.js';

const TOLERANCE = 1e-5;
const root = fileURLToPath(new URL('./fixtures/', import.meta.url));

interface StoredTree {
  readonly text: number[];
  readonly segments: number[];
  readonly entities: { from: number; to: number; branches: number[][] }[];
}

describe.each(readdirSync(root).sort())('K-BERT against the paper in Python: %s', (name) => {
  const folder = `${root}${name}`;
  const expected = files.loadSafetensors(`${folder}/expected.safetensors`, { copy: true });
  const stored = JSON.parse(readFileSync(`${folder}/trees.json`, 'utf8')) as StoredTree[];
  const trees = stored.map(({ text, entities }) =>
    buildSentenceTree(
      Int32Array.from(text),
      entities.map((entity) => ({ ...entity, branches: entity.branches.map((ids) => Int32Array.from(ids)) })),
      128,
    ),
  );
  const rows = trees.map((tree) => ({ length: tree.ids.length, tree }));
  const inputIds = padSequences(
    trees.map(({ ids }) => ids),
    { dtype: 'int32' },
  );
  const tokenTypeIds = padSequences(
    trees.map(({ sources }, r) => sources.map((token) => stored[r]!.segments[token]!)),
    { dtype: 'int32' },
  );
  const plain = { tensors: { inputIds, tokenTypeIds }, size: rows.length, tokens: 0, paddedTokens: 0 };
  const inputs = uploadBatch(collateTrees(plain, rows, {}), 'cpu');
  const near = (actual: Tensor, key: string) =>
    expect(relativeError(actual, expected.get(key)!), key).toBeLessThanOrEqual(TOLERANCE);

  it('tokens, soft positions, segments and visible matrix', () => {
    for (const [own, theirs] of [
      ['inputIds', 'input_ids'],
      ['positionIds', 'position_ids'],
      ['tokenTypeIds', 'token_type_ids'],
      ['attentionMask', 'visible'],
    ] as const) {
      const actual = inputs[own]!.to({ dtype: 'int64' });
      expect(actual.shape, own).toEqual(expected.get(theirs)!.shape);
      expect(actual.ne(expected.get(theirs)!).sum().item(), own).toBe(0);
    }
  });

  it('hidden states and pooled output, from a configuration of the type kbert', async () => {
    const model = await AutoModel.fromPretrained(folder);
    const output = noGrad(() => model.forward(inputs, { outputHiddenStates: true }));
    const states = output.hiddenStates!;
    expect(states.length).toBe([...expected.keys()].filter((key) => key.startsWith('hidden.')).length);
    for (const [i, state] of states.entries()) near(state, `hidden.${i}`);
    near(output.poolerOutput!, 'pooled');
    // Without traces, attention takes another path.
    near(noGrad(() => model.forward(inputs)).lastHiddenState, `hidden.${states.length - 1}`);
    // Both additions count.
    for (const absent of ['positionIds', 'attentionMask'] as const) {
      const other = noGrad(() => model.forward({ ...inputs, [absent]: null })).poolerOutput!;
      expect(relativeError(other, expected.get('pooled')!)).toBeGreaterThan(1e-3);
    }
  });

  it('logits, loss and every gradient', async () => {
    const tokens = await AutoModelForTokenClassification.fromPretrained(folder);
    near(noGrad(() => tokens.forward(inputs)).logits, 'token_logits');
    const model = await AutoModelForSequenceClassification.fromPretrained(folder);
    const { logits } = model.forward(inputs);
    near(logits, 'logits');
    const loss = nn.functional.crossEntropy(logits, expected.get('labels')!);
    near(loss, 'loss');
    loss.backward();
    const names: string[] = [];
    for (const [path, parameter] of model.namedParameters()) {
      names.push(`grad.${path}`);
      // 0 in exact arithmetic: measured on the scale of its sibling.
      const scale = largest(expected.get(`grad.${path.replace('key.bias', 'query.bias')}`)!);
      const error = relativeError(parameter.grad!, expected.get(`grad.${path}`)!, scale);
      expect(error, path).toBeLessThanOrEqual(TOLERANCE);
    }
    expect(names.sort()).toEqual([...expected.keys()].filter((key) => key.startsWith('grad.')).sort());
  });
});
