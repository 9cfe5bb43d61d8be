import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import '../../methods.js';
import { evaluate } from '../../predictor/evaluate.js';
import { reviews, tiny, workFolder, writeTsv } from '../../predictor/models.fixture.js';
import { pipeline } from '../../predictor/pipeline.js';
import { buildVocab, Tokenizer } from '../../text/index.js';
import { train } from '../../trainer/train.js';
import { textClassify } from './index.js';
import { type EncodedLongText, encodeWindows, mergeProbabilities } from './long-text.js';
import type { TextClassifySpec } from './spec.js';

const folder = workFolder('long-text');
const spec: TextClassifySpec = {
  app: 'text_classify',
  sequenceLength: 10,
  firstSequence: 'text',
  secondSequence: null,
  labelName: 'label',
  labels: ['a', 'b'],
  longText: { merge: 'mean', training: 'head' },
};
const row = (text: string) => ({ values: { text, label: 'b' }, file: 'x', line: 1 });

describe('windows', () => {
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    async function* texts() {
      yield '今天天气好。我们出去玩！你呢？不想去，想在家里看书'.repeat(5);
    }
    tokenizer = Tokenizer.fromVocab(await buildVocab(texts(), { size: 100 }));
  });
  const encode = (texts: readonly string[], changes: Partial<TextClassifySpec> = {}) =>
    encodeWindows(texts.map(row), { spec: { ...spec, ...changes }, tokenizer }, { labels: true });
  const words = (ids: Int32Array) => [...ids].map((id) => tokenizer.idToToken(id)).join('');

  it('end with sentences where they can', async () => {
    const [one] = await encode(['今天天气好。我们出去玩！你呢？']);
    expect(one!.windows!.map((w) => words(w.ids))).toEqual([
      '[CLS]今天天气好。[SEP]',
      '[CLS]我们出去玩！[SEP]',
      '[CLS]你呢？[SEP]',
    ]);
    expect(words(one!.ids)).toBe('[CLS]今天天气好。[SEP]');
    expect(one!.windows!.map((w) => w.label)).toEqual([1, 1, 1]);
  });

  it('hold every token of the text, in order, and never more than fit', async () => {
    const text = fc.stringMatching(/^[今天气好我们出去玩。！？，想在家x 😀]{0,60}$/u);
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 4, max: 20 }), async (value, sequenceLength) => {
        const [one] = await encode([value], { sequenceLength });
        const [whole] = await tokenizer.encodeBatch([value]);
        const windows = (one as EncodedLongText).windows ?? [one!];
        let at = 1;
        for (const { ids, length } of windows) {
          expect(length).toBeLessThanOrEqual(sequenceLength);
          expect([ids[0], ids.at(-1)]).toEqual([tokenizer.clsId, tokenizer.sepId]);
          const own = ids.slice(1, -1);
          // Windows without a sentence's end overlap: they begin at or before the place that is covered so far.
          const begin = Array.from({ length: at }, (_, back) => at - back).find(
            (from) => from >= 1 && own.every((id, i) => whole!.ids[from + i] === id),
          );
          expect(begin).toBeDefined();
          at = Math.max(at, begin! + own.length);
        }
        expect(at).toBe(whole!.length - 1);
      }),
      { numRuns: 60 },
    );
  });

  it('texts that fit are encoded as without the option', async () => {
    const context = { spec: { ...spec, longText: undefined } as never, tokenizer };
    const texts = ['今天', '', '我们出去玩！'];
    const plain = await textClassify.encode(texts.map(row), context, { labels: true });
    expect(await encode(texts)).toEqual(plain);
  });

  it('are merged by mean or maximum', () => {
    const windows = [
      [0.9, 0.1],
      [0.3, 0.7],
    ];
    expect(mergeProbabilities(windows, 'mean')[0]).toBeCloseTo(0.6, 12);
    expect(mergeProbabilities(windows, 'max')[0]).toBeCloseTo(0.9 / 1.6, 12);
  });
});

describe('a model', () => {
  const path = join(folder, 'rows.tsv');
  const FILL = '今天天气不错，'.repeat(4);
  // What matters stands behind the part that fits.
  const rows = reviews(40).map(({ label, text }) => ({ label, text: `${FILL}。${text.slice(0, 12)}。` }));
  const options = {
    ...tiny('text-cnn'),
    sequenceLength: 24,
    maxSteps: 240,
    epochs: 60,
    train: path,
    dev: path,
  };
  beforeAll(() => {
    writeTsv(path, rows);
  });

  it('sees the end of long texts in windows; figures are those of texts, and those of the pipeline', async () => {
    const output = join(folder, 'windows');
    const result = await train({ ...options, output, longText: 'windows', windowTraining: 'windows' });
    const { metrics, rows: count } = await evaluate({ model: output, data: path, device: 'cpu' });
    expect(count).toBe(40);
    expect(metrics).toEqual(result.metrics);
    expect(metrics.accuracy).toBeGreaterThan(0.9);
    const classify = await pipeline('text_classify', output, { device: 'cpu' });
    const texts = rows.map((r) => r.text);
    const answers = await classify(texts);
    expect(answers.filter((a, i) => a.label === rows[i]!.label).length / 40).toBeCloseTo(
      metrics.accuracy!,
      12,
    );
    for (const text of [texts[3]!, '', '😀'.repeat(200), '\u0000', '好'.repeat(1000)]) {
      const single = await classify(text);
      const [batched] = (await classify([text, texts[0]!])) as [typeof single, typeof single];
      expect(single.scores.reduce((sum, s) => sum + s.probability, 0)).toBeCloseTo(1, 9);
      expect(batched.label).toBe(single.label);
      expect(batched.probability).toBeCloseTo(single.probability, 5);
    }
    classify.dispose();
    const cut = await evaluate({
      app: 'text_classify',
      model: output,
      data: path,
      device: 'cpu',
      longText: 'cut',
    });
    expect(cut.metrics.accuracy).toBeLessThan(0.7);
    const max = await pipeline('text_classify', output, { device: 'cpu', options: { windowMerge: 'max' } });
    expect((await max(texts[3]!)).probability).not.toBeCloseTo(answers[3]!.probability, 6);
    max.dispose();
  }, 180_000);

  it('nothing is stored without the option, and windows can be asked for later', async () => {
    const output = join(folder, 'cut');
    await train({ ...options, maxSteps: 3, output });
    const { task } = JSON.parse(readFileSync(join(output, 'easynlp.json'), 'utf8'));
    expect(task).not.toHaveProperty('longText');
    const later = await pipeline('text_classify', output, {
      device: 'cpu',
      options: { longText: 'windows' },
    });
    const plain = await pipeline('text_classify', output, { device: 'cpu' });
    const text = rows[1]!.text;
    expect((await later(text)).probability).not.toBe((await plain(text)).probability);
    expect(await later('好吃')).toEqual(await plain('好吃'));
    later.dispose();
    plain.dispose();
  });

  it('pairs and other methods are refused', async () => {
    const windows = { ...options, output: join(folder, 'no'), longText: 'windows' };
    await expect(train({ ...windows, secondSequence: 'text' })).rejects.toThrow(/pairs of texts/);
    await expect(train({ ...windows, method: 'kd', teacher: ['x'] })).rejects.toThrow(/method kd/);
  });
});
