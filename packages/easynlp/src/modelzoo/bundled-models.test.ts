import { inferenceMode, tensor } from '@easynlp/torch';
import { describe, expect, it } from 'vitest';
import { Tokenizer } from '../text/index.js';
import { AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification } from './auto.js';
import { resolveModelFolder } from './hub/index.js';

/** The most probable tokens for the first [MASK] of a text, the best first. */
async function candidates(name: string, text: string, most: number): Promise<(string | undefined)[]> {
  const tokenizer = await Tokenizer.fromFolder(await resolveModelFolder(name));
  const model = await AutoModelForMaskedLM.fromPretrained(name);
  const [encoding] = await tokenizer.encodeBatch([text], { maxLength: 64 });
  const ids = Array.from(encoding!.ids);
  const inputs = { inputIds: tensor([ids], { dtype: 'int64' }) };
  const positions = tensor([ids.indexOf(tokenizer.maskId!)], { dtype: 'int64' });
  const scores = inferenceMode(() => model.forward(inputs, { positions }).logits!.toArray()) as number[][];
  const order = [...scores[0]!.keys()].sort((a, b) => scores[0]![b]! - scores[0]![a]!);
  model.dispose();
  return order.slice(0, most).map((id) => tokenizer.idToToken(id));
}

describe('the Chinese models that come with the toolkit', () => {
  it.each([
    ['bert-tiny-zh', 2, 128],
    ['bert-small-zh', 4, 312],
  ])('%s loads as an encoder, in float32 though stored in half of it', async (name, layers, width) => {
    const lines: string[] = [];
    const model = await AutoModel.fromPretrained(name, { onInfo: (line) => lines.push(line) });
    expect(model.config.num_hidden_layers).toBe(layers);
    expect(model.config.vocab_size).toBe(14_000);
    expect(new Set(model.parameters().map(({ dtype }) => dtype))).toEqual(new Set(['float32']));
    const inputIds = tensor([[2, 100, 200, 3]], { dtype: 'int64' });
    const { lastHiddenState } = inferenceMode(() => model.forward({ inputIds }));
    expect(lastHiddenState.shape).toEqual([1, 4, width]);
    expect(lastHiddenState.isfinite().all().item()).toBe(true);
    model.dispose();
  });

  it.each([
    ['bert-tiny-zh', '今天天气很[MASK]。', '好'],
    ['bert-small-zh', '今天天气很[MASK]。', '好'],
    ['bert-small-zh', '这家酒店的服务态度很[MASK]。', '好'],
    ['bert-small-zh', '我[MASK]欢看书。', '喜'],
    ['bert-small-zh', '他是一名大[MASK]生。', '学'],
  ])('%s fills %s', async (name, text, expected) => {
    expect(await candidates(name, text, 5)).toContain(expected);
  });

  it('have no classifier: it is begun anew, and that is said', async () => {
    const lines: string[] = [];
    const model = await AutoModelForSequenceClassification.fromPretrained('bert-tiny-zh', {
      numLabels: 3,
      onInfo: (line) => lines.push(line),
    });
    const begun = lines.filter((line) => line.startsWith('Begun anew'));
    expect(begun).toHaveLength(1);
    expect(begun[0]).toContain('classifier.weight');
    expect(begun[0]).not.toContain('encoder');
    model.dispose();
  });
});
