import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { files, nn, noGrad, type Tensor, tidy } from '@easynlp/torch';
import { describe, expect, it } from 'vitest';
import {
  AutoModel,
  AutoModelForMaskedLM,
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
} from '../auto.js';
import { largest, relativeError } from '../bert/parity.fixture.js';
import type { EncoderInputs } from '../interfaces.js';

const TOLERANCE = 1e-5;

/**
 * Compares an architecture with what Python computed: every hidden state, the logits of every head, the loss and
 * every gradient; and checks that padding and its absence make no difference.
 *
 * @param modelType folder below modelzoo, whose fixtures `scripts/oracle/encoder_parity.py` wrote
 */
export function describeParity(modelType: string): void {
  const root = fileURLToPath(new URL(`../${modelType}/fixtures/`, import.meta.url));
  describe.each(readdirSync(root).sort())(`${modelType} against Python: %s`, (name) => {
    const folder = `${root}${name}`;
    const expected = files.loadSafetensors(`${folder}/expected.safetensors`, { copy: true });
    const get = (key: string): Tensor => {
      const found = expected.get(key);
      if (!found) throw new Error(`${folder} has no ${key}`);
      return found;
    };
    const inputs: EncoderInputs = {
      inputIds: get('input_ids'),
      attentionMask: get('attention_mask'),
      tokenTypeIds: expected.get('token_type_ids'),
    };
    const near = (actual: Tensor, key: string) =>
      expect(relativeError(actual, get(key)), key).toBeLessThanOrEqual(TOLERANCE);

    it('hidden states, last state and pooled output', async () => {
      const model = await AutoModel.fromPretrained(folder);
      const output = noGrad(() =>
        model.forward(inputs, { outputHiddenStates: true, outputAttentions: true }),
      );
      const states = output.hiddenStates!;
      expect(states.length).toBe([...expected.keys()].filter((key) => key.startsWith('hidden.')).length);
      for (const [i, state] of states.entries()) near(state, `hidden.${i}`);
      near(output.lastHiddenState, 'last');
      if (expected.has('pooled')) near(output.poolerOutput!, 'pooled');
      expect(output.attentions!.length).toBeGreaterThanOrEqual(states.length - 1);
      // The probabilities of every query that is no padding sum to 1.
      const real = get('attention_mask').unsqueeze(1);
      for (const weights of output.attentions!) {
        expect(
          largest(
            weights
              .sum({ dim: [-1] })
              .sub(1)
              .mul(real),
          ),
        ).toBeLessThan(1e-5);
      }
      // Without traces, attention takes another path.
      const plain = noGrad(() => model.forward(inputs));
      near(plain.lastHiddenState, 'last');
      expect(plain.hiddenStates).toBeUndefined();
    });

    it('classification logits, loss and every gradient', async () => {
      const model = await AutoModelForSequenceClassification.fromPretrained(folder);
      const { logits } = model.forward(inputs);
      near(logits, 'logits');
      const loss = nn.functional.crossEntropy(logits, get('labels'));
      near(loss, 'loss');
      loss.backward();
      const names: string[] = [];
      for (const [path, parameter] of model.namedParameters()) {
        if (!parameter.grad && !expected.has(`grad.${path}`)) continue;
        names.push(`grad.${path}`);
        const wanted = get(`grad.${path}`);
        // Softmax ignores what all keys share, so this gradient is 0 in exact arithmetic and rounding in floating
        // point: it is measured on the scale of its sibling.
        const sibling = path
          .replace(/key(?=(?:_proj)?\.bias$)/, 'query')
          .replace(/\bk_lin\.bias$/, 'q_lin.bias');
        const scale = largest(get(`grad.${sibling}`));
        expect(parameter.grad, path).not.toBeNull();
        expect(relativeError(parameter.grad!, wanted, scale), path).toBeLessThanOrEqual(TOLERANCE);
      }
      expect(names.sort()).toEqual([...expected.keys()].filter((key) => key.startsWith('grad.')).sort());
    });

    it('logits of tokens and of masked tokens, all and at chosen positions', async () => {
      const tokens = await AutoModelForTokenClassification.fromPretrained(folder);
      const lm = await AutoModelForMaskedLM.fromPretrained(folder);
      noGrad(() =>
        tidy(() => {
          near(tokens.forward(inputs).logits, 'token_logits');
          near(lm.forward(inputs).logits, 'mlm_logits');
          const positions = get('attention_mask').reshape([-1]).nonzero().reshape([-1]);
          const wanted = get('mlm_logits')
            .reshape([-1, get('mlm_logits').size(-1)])
            .indexSelect(0, positions);
          const { logits } = lm.forward(inputs, { positions });
          expect(logits.shape).toEqual(wanted.shape);
          expect(relativeError(logits, wanted)).toBeLessThanOrEqual(TOLERANCE);
        }),
      );
    });

    it('a text has the same logits alone as in a padded batch, and padding counts where it is not masked', async () => {
      const model = await AutoModelForSequenceClassification.fromPretrained(folder);
      noGrad(() =>
        tidy(() => {
          const lengths = get('attention_mask')
            .sum({ dim: [1] })
            .toArray() as number[];
          const bare = model.forward({ ...inputs, attentionMask: null }).logits;
          for (const [i, length] of lengths.entries()) {
            const row = (t: Tensor) => t.narrow(0, i, 1).narrow(1, 0, Number(length));
            const types = inputs.tokenTypeIds;
            const single = model.forward({
              inputIds: row(inputs.inputIds!),
              ...(types ? { tokenTypeIds: row(types) } : {}),
            }).logits;
            expect(relativeError(single, get('logits').narrow(0, i, 1))).toBeLessThanOrEqual(TOLERANCE);
            const changed = relativeError(bare.narrow(0, i, 1), single);
            if (Number(length) < inputs.inputIds!.size(1)) expect(changed).toBeGreaterThan(1e-4);
          }
        }),
      );
    });
  });
}
