import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AutoModelForSequenceClassification, resolveModelFolder, savePretrained } from '../modelzoo/index.js';
import { workFolder } from '../predictor/models.fixture.js';
import { type Pipeline, pipeline } from '../predictor/pipeline.js';
import { FakeIo } from './fake-io.fixture.js';
import type { Library } from './library.js';
import { main } from './main.js';

const folder = workFolder('fill-mask');
const WEATHER = '今天天气很[MASK]。';

async function easynlp(argv: readonly string[], input = '') {
  const io = new FakeIo();
  io.input = input;
  io.library = async () => (await import('../index.js')) as unknown as Library;
  const code = await main([...argv, '--device', 'cpu'], io);
  return { code, out: io.out, err: io.err };
}

describe('filling in [MASK] with a bundled model', () => {
  let fill: Pipeline<'language_modeling'>;
  beforeAll(async () => {
    fill = await pipeline('language_modeling', 'bert-small-zh', { device: 'cpu', numThreads: 2 });
  });
  afterAll(() => fill.dispose());

  it('gives a sensible word, and the candidates of every place', async () => {
    const { text, masks } = await fill(WEATHER);
    expect(text).toBe('今天天气很好。');
    expect(masks).toHaveLength(1);
    expect(masks[0]).toHaveLength(10);
    const probabilities = masks[0]!.map(({ probability }) => probability);
    expect(probabilities).toEqual([...probabilities].sort((a, b) => b - a));
    expect(probabilities[0]).toBeGreaterThan(0.2);
    expect(probabilities.reduce((sum, p) => sum + p)).toBeLessThan(1);
    expect(await fill({ text: WEATHER })).toEqual({ text, masks });
  });

  it('gives a text the same result beside others of other lengths', async () => {
    const texts = ['我[MASK]', WEATHER, `${'很'.repeat(60)}[MASK]，[MASK]。`];
    const together = await fill(texts);
    expect(together.map(({ masks }) => masks.length)).toEqual([1, 1, 2]);
    for (const [i, text] of texts.entries()) {
      const alone = await fill(text);
      expect(alone.text).toBe(together[i]!.text);
      for (const [m, tokens] of alone.masks.entries()) {
        expect(tokens[0]!.probability).toBeCloseTo(together[i]!.masks[m]![0]!.probability, 5);
      }
    }
  });

  it('is what predict prints, for texts and lines, with and without the name of the task', async () => {
    const { masks } = await fill(WEATHER);
    const candidates = masks[0]!.slice(0, 5).map((t) => `${t.token} ${t.probability.toFixed(4)}`);
    const shown = await easynlp(['predict', '--model', 'bert-small-zh', '--text', WEATHER]);
    expect(shown).toEqual({
      code: 0,
      err: '',
      out: `今天天气很好。  ${candidates.join('  ')}  ${WEATHER}\n`,
    });
    const argv = ['predict', 'language_modeling', '--model', 'bert-small-zh', '--input', '-'];
    const piped = await easynlp(argv, `${WEATHER}\n`);
    expect(piped.out).toBe(`今天天气很好。\t${candidates.join('  ')}\t${WEATHER}\n`);
    const json = await easynlp(['predict', '--model', 'bert-small-zh', '--text', WEATHER, '--json']);
    expect(JSON.parse(json.out)).toEqual([{ text: '今天天气很好。', masks }]);
  });

  it('reads and writes files', async () => {
    const input = join(folder, 'texts.tsv');
    const output = join(folder, 'filled.tsv');
    writeFileSync(input, `text\n${WEATHER}\n`);
    const argv = ['predict', '--model', 'bert-small-zh', '--input', input, '--output', output];
    const { code, err } = await easynlp([...argv, '--output-schema', 'predictions,output']);
    expect(code, err).toBe(0);
    const [text, masks] = readFileSync(output, 'utf8').trimEnd().split('\t');
    expect(text).toBe('今天天气很好。');
    expect(JSON.parse(masks!)).toHaveLength(1);
    writeFileSync(input, `text\n${WEATHER}\n今天天气很好。\n`);
    const wrong = await easynlp([...argv, '--output-schema', 'predictions', '--overwrite']);
    expect(wrong.code).toBe(3);
    expect(wrong.err).toMatch(/texts\.tsv, line 3.*\[MASK\]/s);
    expect(readFileSync(output, 'utf8')).toMatch(/^今天天气很好。\t\[\[/);
  });

  it('says what is wrong with an input or a model', async () => {
    const none = await easynlp(['predict', '--model', 'bert-small-zh', '--text', WEATHER, '--text', '今天']);
    expect(none.code).toBe(3);
    expect(none.err).toMatch(/Input 2: expected a text with \[MASK\] among its first 256 tokens, got "今天"/);
    await expect(fill(7 as never)).rejects.toThrow(expect.objectContaining({ code: 'APP_INPUT' }));
    await expect(fill({ sentence: WEATHER } as never)).rejects.toThrow(/under "text"/);
    const classify = ['predict', 'text_classify', '--model', 'bert-tiny-zh', '--text', '好'];
    const untrained = await easynlp(classify);
    expect([untrained.code, untrained.err]).toEqual([4, expect.stringMatching(/fine-tune it first/)]);
  });

  it('does not fill in with a head that the weights lack', async () => {
    const from = await resolveModelFolder('bert-tiny-zh');
    const headless = join(folder, 'headless');
    mkdirSync(headless);
    const model = await AutoModelForSequenceClassification.fromPretrained(from, { numLabels: 2 });
    await savePretrained(headless, model);
    model.dispose();
    for (const name of ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'vocab.txt']) {
      cpSync(join(from, name), join(headless, name));
    }
    const { code, err } = await easynlp(['predict', '--model', headless, '--text', WEATHER]);
    expect([code, err]).toEqual([4, expect.stringMatching(/lack a part that language_modeling needs.*cls/s)]);
  });
});
