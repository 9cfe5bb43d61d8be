import { nn, noGrad, tidy } from '@easynlp/torch';
import { describe, expect, it } from 'vitest';
import { AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification } from '../auto.js';
import type { EncoderInputs } from '../interfaces.js';
import { type Fixture, fixtureNames, largest, readFixture, relativeError } from './parity.fixture.js';

const TOLERANCE = 1e-5;

function inputsOf(fixture: Fixture): EncoderInputs {
  return {
    inputIds: fixture.get('input_ids'),
    attentionMask: fixture.get('attention_mask'),
    tokenTypeIds: fixture.get('token_type_ids'),
  };
}

describe.each(fixtureNames())('BERT against Python: %s', (name) => {
  const fixture = readFixture(name);
  const inputs = inputsOf(fixture);

  it('hidden states, last state and pooled output', async () => {
    const model = await AutoModel.fromPretrained(fixture.folder);
    const output = noGrad(() => model.forward(inputs, { outputHiddenStates: true, outputAttentions: true }));
    const states = output.hiddenStates!;
    expect(states.length).toBe(
      [...fixture.expected.keys()].filter((key) => key.startsWith('hidden.')).length,
    );
    for (const [i, state] of states.entries()) {
      expect(relativeError(state, fixture.get(`hidden.${i}`)), `hidden.${i}`).toBeLessThanOrEqual(TOLERANCE);
    }
    expect(relativeError(output.lastHiddenState, fixture.get('last'))).toBeLessThanOrEqual(TOLERANCE);
    expect(relativeError(output.poolerOutput!, fixture.get('pooled'))).toBeLessThanOrEqual(TOLERANCE);
    expect(output.attentions!.length).toBe(states.length - 1);
    // The probabilities of every query sum to 1.
    for (const weights of output.attentions!)
      expect(largest(weights.sum({ dim: [-1] }).sub(1))).toBeLessThan(1e-5);
    // Without traces, attention takes another path.
    const plain = noGrad(() => model.forward(inputs));
    expect(relativeError(plain.lastHiddenState, fixture.get('last'))).toBeLessThanOrEqual(TOLERANCE);
    expect(plain.hiddenStates).toBeUndefined();
  });

  it('classification logits, loss and every gradient', async () => {
    const model = await AutoModelForSequenceClassification.fromPretrained(fixture.folder);
    const { logits } = model.forward(inputs);
    expect(relativeError(logits, fixture.get('logits'))).toBeLessThanOrEqual(TOLERANCE);
    const loss = nn.functional.crossEntropy(logits, fixture.get('labels'));
    expect(relativeError(loss, fixture.get('loss'))).toBeLessThanOrEqual(TOLERANCE);
    loss.backward();
    const names: string[] = [];
    for (const [path, parameter] of model.namedParameters()) {
      names.push(`grad.${path}`);
      const expected = fixture.get(`grad.${path}`);
      // Softmax ignores what all keys share, so this gradient is 0 in exact arithmetic and rounding in floating point:
      // it is measured on the scale of its sibling.
      const scale = path.endsWith('key.bias')
        ? largest(fixture.get(`grad.${path.replace('key.bias', 'query.bias')}`))
        : largest(expected);
      expect(relativeError(parameter.grad!, expected, scale), path).toBeLessThanOrEqual(TOLERANCE);
    }
    expect(names.sort()).toEqual(
      [...fixture.expected.keys()].filter((key) => key.startsWith('grad.')).sort(),
    );
  });

  it('masked-language-model logits, all and at chosen positions', async () => {
    const model = await AutoModelForMaskedLM.fromPretrained(fixture.folder);
    const expected = fixture.get('mlm_logits');
    noGrad(() =>
      tidy(() => {
        expect(relativeError(model.forward(inputs).logits, expected)).toBeLessThanOrEqual(TOLERANCE);
        const positions = fixture.get('input_ids').reshape([-1]).nonzero().reshape([-1]);
        const chosen = expected.reshape([-1, expected.size(-1)]).indexSelect(0, positions);
        const { logits } = model.forward(inputs, { positions });
        expect(logits.shape).toEqual(chosen.shape);
        expect(relativeError(logits, chosen)).toBeLessThanOrEqual(TOLERANCE);
      }),
    );
  });
});
