import { noGrad, randn, tensor } from '@easynlp/torch';
import { describe, expect, it } from 'vitest';
import { relativeError } from '../bert/parity.fixture.js';
import { describeParity } from '../shared/encoder-parity.fixture.js';
import { robertaConfig } from './config.js';
import { RobertaModel } from './model.js';

describeParity('roberta');

describe('RoBERTa’s positions', () => {
  const config = robertaConfig({
    vocab_size: 30,
    hidden_size: 16,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    intermediate_size: 16,
    max_position_embeddings: 10,
    initializer_range: 0.5,
  });
  const model = new RobertaModel(config).eval();
  const run = (inputs: Parameters<RobertaModel['forward']>[0]) =>
    noGrad(() => model.forward(inputs)).lastHiddenState;
  const inputIds = tensor([[0, 7, 9, 2]], { dtype: 'int64' });

  it('begin behind the padding’s and skip padding on the left', () => {
    const plain = run({ inputIds });
    const given = run({ inputIds, positionIds: tensor([[2, 3, 4, 5]], { dtype: 'int64' }) });
    expect(given.toArray()).toEqual(plain.toArray());
    const left = run({
      inputIds: tensor([[1, 1, 0, 7, 9, 2]], { dtype: 'int64' }),
      attentionMask: tensor([[0, 0, 1, 1, 1, 1]], { dtype: 'int64' }),
    });
    expect(relativeError(left.narrow(1, 2, 4), plain)).toBeLessThan(1e-5);
  });

  it('count embeddings too, and are two fewer than the table has rows', () => {
    const inputsEmbeds = model.embeddings.word_embeddings.forward(inputIds);
    expect(run({ inputsEmbeds }).toArray()).toEqual(run({ inputIds }).toArray());
    expect(run({ inputsEmbeds: randn([1, 8, 16]) }).shape).toEqual([1, 8, 16]);
    expect(() => run({ inputsEmbeds: randn([1, 9, 16]) })).toThrow(
      /9 tokens, while this model has 8 positions/,
    );
  });
});
