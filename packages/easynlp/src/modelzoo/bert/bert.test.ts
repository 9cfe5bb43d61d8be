import { amp, manualSeed, noGrad, randint, randn, tensor } from '@easynlp/torch';
import { describe, expect, it } from 'vitest';
import { bertConfig, bertPreset } from './config.js';
import { BertForMaskedLM, BertForSequenceClassification, BertForTokenClassification } from './heads.js';
import { BertModel } from './model.js';
import { relativeError } from './parity.fixture.js';

const config = bertPreset('tiny', {
  vocabSize: 50,
  fields: {
    hidden_size: 24,
    num_attention_heads: 3,
    intermediate_size: 40,
    max_position_embeddings: 16,
    initializer_range: 0.3,
    type_vocab_size: 2,
  },
});
const ids = (rows: number[][]) => tensor(rows, { dtype: 'int64' });

describe('padding', () => {
  const model = new BertForSequenceClassification(config).eval();
  const texts = [
    [1, 7, 9, 13, 4, 2],
    [3, 5],
    [8, 11, 2, 6],
  ];
  const longest = 6;
  const batch = ids(texts.map((row) => [...row, ...Array(longest - row.length).fill(0)]));
  const mask = ids(texts.map((row) => Array.from({ length: longest }, (_, i) => (i < row.length ? 1 : 0))));

  it('does not change a text’s logits', () => {
    const { logits } = noGrad(() => model.forward({ inputIds: batch, attentionMask: mask }));
    for (const [i, row] of texts.entries()) {
      const single = noGrad(() => model.forward({ inputIds: ids([row]) })).logits;
      expect(relativeError(logits.narrow(0, i, 1), single)).toBeLessThan(1e-5);
    }
  });

  it('matters when it is not masked', () => {
    const masked = noGrad(() => model.forward({ inputIds: batch, attentionMask: mask })).logits;
    const bare = noGrad(() => model.forward({ inputIds: batch })).logits;
    expect(relativeError(bare.narrow(0, 1, 1), masked.narrow(0, 1, 1))).toBeGreaterThan(1e-2);
  });

  it.each(['int64', 'int32', 'bool', 'float32'] as const)('may be masked by %s', (dtype) => {
    const expected = noGrad(() => model.forward({ inputIds: batch, attentionMask: mask })).logits;
    const given = noGrad(() => model.forward({ inputIds: batch, attentionMask: mask.to({ dtype }) })).logits;
    expect(given.toArray()).toEqual(expected.toArray());
  });

  it('a mask of ones equals none, and a mask per query equals one per text', () => {
    const inputs = { inputIds: batch };
    const none = noGrad(() => model.forward(inputs)).logits;
    const ones = noGrad(() => model.forward({ ...inputs, attentionMask: mask.mul(0).add(1) })).logits;
    expect(relativeError(ones, none)).toBeLessThan(1e-6);
    const perText = noGrad(() => model.forward({ ...inputs, attentionMask: mask })).logits;
    const square = mask.unsqueeze(1).expand([3, longest, longest]);
    const perQuery = noGrad(() => model.forward({ ...inputs, attentionMask: square })).logits;
    expect(relativeError(perQuery, perText)).toBeLessThan(1e-6);
  });

  it('filling a whole row gives numbers, not NaN', () => {
    const empty = noGrad(() => model.forward({ inputIds: batch, attentionMask: mask.mul(0) })).logits;
    expect((empty.toArray() as number[][]).flat().every(Number.isFinite)).toBe(true);
  });
});

describe('inputs', () => {
  const model = new BertModel(config).eval();
  const inputIds = ids([
    [1, 7, 9],
    [3, 5, 2],
  ]);
  const run = (inputs: Parameters<BertModel['forward']>[0]) =>
    noGrad(() => model.forward(inputs)).lastHiddenState;
  const plain = run({ inputIds });

  it('defaults are segment 0 and positions 0 … T−1', () => {
    expect(
      relativeError(
        run({
          inputIds,
          tokenTypeIds: ids([
            [0, 0, 0],
            [0, 0, 0],
          ]),
        }),
        plain,
      ),
    ).toBeLessThan(1e-6);
    expect(relativeError(run({ inputIds, positionIds: ids([[0, 1, 2]]) }), plain)).toBeLessThan(1e-6);
    expect(relativeError(run({ inputIds, positionIds: ids([[2, 1, 0]]) }), plain)).toBeGreaterThan(1e-2);
    expect(
      relativeError(
        run({
          inputIds,
          tokenTypeIds: ids([
            [0, 0, 1],
            [0, 0, 0],
          ]),
        }),
        plain,
      ),
    ).toBeGreaterThan(1e-2);
  });

  it('int32 ids and ready-made embeddings give the same', () => {
    expect(run({ inputIds: inputIds.to({ dtype: 'int32' }) }).toArray()).toEqual(plain.toArray());
    const inputsEmbeds = model.embeddings.word_embeddings.forward(inputIds);
    expect(run({ inputsEmbeds }).toArray()).toEqual(plain.toArray());
    expect(inputsEmbeds.isDisposed).toBe(false);
  });

  it('that cannot be right are refused with their shapes', () => {
    const wrong: [Parameters<BertModel['forward']>[0], RegExp][] = [
      [{}, /either inputIds or inputsEmbeds/],
      [{ inputIds, inputsEmbeds: randn([2, 3, 24]) }, /either/],
      [{ inputIds: tensor([1, 2], { dtype: 'int64' }) }, /\[batch, length\], got \[2\]/],
      [{ inputIds: randint(0, 50, [1, 17]) }, /17 tokens, while this model has 16 positions/],
      [{ inputIds, attentionMask: ids([[1, 1, 1]]) }, /attentionMask must be \[2, 3\].*got \[1, 3\]/],
    ];
    for (const [inputs, message] of wrong) expect(() => model.forward(inputs)).toThrow(message);
  });
});

it('heads give the shapes they promise', () => {
  const inputIds = randint(1, 50, [2, 5]);
  const tokens = new BertForTokenClassification({ ...config, num_labels: 7 });
  expect(tokens.forward({ inputIds }).logits.shape).toEqual([2, 5, 7]);
  const lm = new BertForMaskedLM(config);
  expect(lm.forward({ inputIds }).logits.shape).toEqual([2, 5, 50]);
  const positions = tensor([0, 6, 9], { dtype: 'int64' });
  expect(lm.forward({ inputIds }, { positions }).logits.shape).toEqual([3, 50]);
  expect(new BertModel(config).forward({ inputIds }).poolerOutput!.shape).toEqual([2, 24]);
});

it('begins as transformers does, and the same for the same seed', () => {
  const make = (seed: number) => {
    manualSeed(seed);
    return new BertForSequenceClassification(
      bertConfig({ ...config, vocab_size: 500, initializer_range: 0.02 }),
    );
  };
  const [a, b, c] = [make(1).stateDict(), make(1).stateDict(), make(2).stateDict()];
  const name = 'bert.encoder.layer.0.intermediate.dense.weight';
  expect(a.get(name)!.toArray()).toEqual(b.get(name)!.toArray());
  expect(a.get(name)!.toArray()).not.toEqual(c.get(name)!.toArray());
  for (const [path, weight] of a) {
    if (path.endsWith('LayerNorm.weight')) expect(weight.min().item()).toBe(1);
    else if (path.endsWith('bias')) expect(weight.abs().max().item()).toBe(0);
    else if (weight.numel > 500) expect(Math.abs(weight.std().item() - 0.02), path).toBeLessThan(0.002);
  }
  const words = a.get('bert.embeddings.word_embeddings.weight')!;
  expect(words.select(0, 0).abs().max().item()).toBe(0);
});

describe('dropout', () => {
  it('is drawn in training and not in evaluation', () => {
    const model = new BertForSequenceClassification(config);
    const inputIds = randint(1, 50, [2, 5]);
    const run = () => noGrad(() => model.forward({ inputIds }).logits.toArray());
    expect(run()).not.toEqual(run());
    model.eval();
    expect(run()).toEqual(run());
  });

  it('classifier_dropout goes before hidden_dropout_prob', () => {
    expect(new BertForSequenceClassification(config).dropout.p).toBe(0.1);
    expect(new BertForSequenceClassification({ ...config, classifier_dropout: 0.4 }).dropout.p).toBe(0.4);
  });
});

it('runs under bfloat16 autocast, forward and backward', () => {
  const model = new BertForSequenceClassification(config).eval();
  const inputIds = randint(1, 50, [3, 8]);
  const attentionMask = ids([
    [1, 1, 1, 1, 1, 1, 1, 1],
    [1, 1, 1, 0, 0, 0, 0, 0],
    [1, 0, 0, 0, 0, 0, 0, 0],
  ]);
  const exact = noGrad(() => model.forward({ inputIds, attentionMask })).logits;
  const { logits } = amp.autocast({ device: 'cpu', dtype: 'bfloat16' }, () =>
    model.forward({ inputIds, attentionMask }),
  );
  expect(relativeError(logits.to({ dtype: 'float32' }), exact)).toBeLessThan(0.1);
  logits.to({ dtype: 'float32' }).sum().backward();
  for (const [path, p] of model.namedParameters()) {
    if (/position|word/.test(path)) continue; // rows that no text uses
    expect(Number.isFinite(p.grad!.abs().max().item()), path).toBe(true);
  }
});
