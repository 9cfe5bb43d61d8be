import { appendFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { memory } from '@easynlp/torch';
import { beforeAll, describe, expect, it } from 'vitest';
import { EasyNlpError, type ErrorCode } from '../errors/index.js';
import { train } from '../trainer/train.js';
import { KINDS, type Kind, reviews, tiny, trainTiny, workFolder, writeTsv } from './models.fixture.js';
import { type Pipeline, pipeline } from './pipeline.js';

const folder = workFolder('pipeline');
const models = {} as Record<Kind | 'pair', string>;
const open = (model: Kind | 'pair') =>
  pipeline('text_classify', models[model], { device: 'cpu', numThreads: 2 });

beforeAll(async () => {
  for (const kind of KINDS) models[kind] = await trainTiny(folder, kind);
  models.pair = await trainTiny(folder, 'bert', { pair: true });
});

async function codeOf(work: Promise<unknown>): Promise<ErrorCode | string> {
  try {
    await work;
    return 'no error';
  } catch (error) {
    return EasyNlpError.isInstance(error) ? error.code : String(error);
  }
}

const ODD = [
  '',
  ' ',
  '好吃😀👍🏽👨‍👩‍👧',
  '𠮷野家的饭𪚥龘',
  '\u0000\u0001\u001b[31m\u200b\ufeff好',
  '\ud800 half a pair',
  'a\tb\nc\r\nd',
  'é e\u0301 ﷽ ａｂｃ',
  '好'.repeat(100_000),
  '[CLS] [SEP] [MASK] [PAD]',
];

describe.each(KINDS)('pipeline of %s', (kind) => {
  let classify: Pipeline<'text_classify'>;
  beforeAll(async () => {
    classify = await open(kind);
  });

  it('answers a string, an array and a stream alike, in order', async () => {
    const texts = reviews(40).map((row) => row.text);
    const many = await classify(texts);
    expect(many).toHaveLength(texts.length);
    const one = await classify(texts[3]!);
    expect(one.label).toBe(many[3]!.label);
    expect(one.scores.map((s) => s.label).sort()).toEqual(['好评', '差评'].sort());
    expect(one.scores.reduce((sum, s) => sum + s.probability, 0)).toBeCloseTo(1, 12);
    expect(one.probability).toBe(Math.max(...one.scores.map((s) => s.probability)));
    const streamed: unknown[] = [];
    async function* source() {
      for (const text of texts) yield text;
    }
    for await (const result of classify(source())) streamed.push(result);
    expect(streamed).toEqual(many);
    const byColumn = await classify({ text: texts[3]! });
    expect(byColumn).toEqual(one);
  });

  it('gives a row the same result whatever else is in its batch (R21)', async () => {
    const texts = [...reviews(60).map((row) => row.text), ...ODD];
    const batch = await classify(texts);
    const wide = await (await pipeline('text_classify', models[kind], { device: 'cpu', tokenBudget: 4096 }))(
      texts,
    );
    let worst = 0;
    for (const [i, text] of texts.entries()) {
      const single = await classify(text);
      for (const other of [batch[i]!, wide[i]!]) {
        expect(other.label, JSON.stringify(text.slice(0, 20))).toBe(single.label);
        for (const { label, logit } of single.scores) {
          const theirs = other.scores.find((s) => s.label === label)!.logit;
          worst = Math.max(worst, Math.abs(theirs - logit) / Math.max(1, Math.abs(logit)));
        }
      }
    }
    expect(worst).toBeLessThanOrEqual(1e-5);
  });

  it('answers any text with finite figures', async () => {
    for (const result of await classify(ODD)) {
      expect(['好评', '差评']).toContain(result.label);
      for (const { probability, logit } of result.scores) {
        expect(Number.isFinite(logit)).toBe(true);
        expect(probability).toBeGreaterThanOrEqual(0);
      }
    }
  });

  it('answers nothing with nothing', async () => {
    expect(await classify([])).toEqual([]);
    const results: unknown[] = [];
    for await (const result of classify((async function* () {})() as AsyncIterable<string>))
      results.push(result);
    expect(results).toEqual([]);
  });

  it('answers calls at the same time independently', async () => {
    const texts = reviews(30).map((row) => row.text);
    const alone = await classify(texts);
    const together = await Promise.all([classify(texts), classify(texts.slice(5)), classify(texts[0]!)]);
    expect(together[0]).toEqual(alone);
    for (const [i, result] of together[1].entries()) expect(result.label).toBe(alone[i + 5]!.label);
    expect(together[2].label).toBe(alone[0]!.label);
  });

  it('learned something: the texts of its training', async () => {
    const rows = reviews(40);
    const results = await classify(rows.map((row) => row.text));
    const right = results.filter((result, i) => result.label === rows[i]!.label).length;
    expect(right / rows.length).toBeGreaterThan(0.8);
  });
});

describe('pipeline', () => {
  it('streams in chunks: answers come before the source has ended', async () => {
    const classify = await open('text-cnn');
    let given = 0;
    async function* endless() {
      for (;;) {
        given++;
        yield `第${given}条好吃`;
      }
    }
    let taken = 0;
    for await (const _ of classify(endless())) if (++taken === 1500) break;
    expect(taken).toBe(1500);
    expect(given).toBeLessThanOrEqual(2048);
    classify.dispose();
  });

  it('takes pairs for a model of pairs, and says so otherwise', async () => {
    const pairs = await open('pair');
    const [one] = await pairs([['花呗怎么还款', '请问花呗怎么还款']]);
    // An array is several inputs, never one pair, so that types and values agree.
    await expect(pairs(['花呗怎么还款', '请问花呗怎么还款'])).rejects.toThrow(/Input 1: expected a pair/);
    expect(['0', '1']).toContain(one!.label);
    const swapped = await pairs({ sentence1: '花呗怎么还款', sentence2: '请问花呗怎么还款' });
    expect(swapped).toEqual(one);
    await expect(pairs('一句')).rejects.toMatchObject({
      code: 'APP_INPUT',
      message: expect.stringContaining('pair'),
    });
    const single = await open('bert');
    await expect(single([['a', 'b']] as never)).rejects.toMatchObject({ code: 'APP_INPUT' });
    await expect(single(['好', 3] as never)).rejects.toThrow(/Input 2: expected a text, got number/);
    await expect(single(null as never)).rejects.toMatchObject({ code: 'APP_INPUT' });
    await expect(single({ txt: '好' })).rejects.toMatchObject({ code: 'DATA_COLUMN_UNKNOWN' });
  });

  it('refuses calls after dispose, finishes those under way, and gives the memory back', async () => {
    const before = memory().tensors;
    const classify = await open('bert');
    expect(memory().tensors).toBeGreaterThan(before);
    const texts = reviews(100).map((row) => row.text);
    const underWay = classify(texts);
    classify.dispose();
    classify.dispose();
    expect(await underWay).toHaveLength(100);
    await expect(classify('好')).rejects.toMatchObject({ code: 'PIPELINE_DISPOSED' });
    await expect(
      (async () => {
        for await (const _ of classify(
          (async function* () {
            yield '好';
          })(),
        ));
      })(),
    ).rejects.toMatchObject({ code: 'PIPELINE_DISPOSED' });
    expect(memory().tensors).toBe(before);
  });

  it('leaves no tensors behind, however much it answers', async () => {
    const classify = await open('bert');
    await classify(reviews(64).map((row) => row.text));
    const before = memory().tensors;
    for (let i = 0; i < 5; i++) await classify(reviews(64).map((row) => row.text));
    expect(memory().tensors).toBe(before);
    classify.dispose();
  });

  it('refuses a folder that is no trained model, saying why', async () => {
    const empty = join(folder, 'empty');
    mkdirSync(empty);
    expect(await codeOf(pipeline('text_classify', join(folder, 'none')))).toBe('HUB_FOLDER_NOT_FOUND');
    expect(await codeOf(pipeline('text_classify', empty))).toMatch(
      /^(HUB_FOLDER_INCOMPLETE|ARTEFACT_INVALID)$/,
    );
    const plain = join(folder, 'plain');
    cpSync(models.bert, plain, { recursive: true });
    rmSync(join(plain, 'easynlp.json'));
    rmSync(join(plain, 'training'), { recursive: true });
    await expect(pipeline('text_classify', plain)).rejects.toThrow(/no easynlp\.json/);
    await expect(pipeline('text_match' as 'text_classify', models.bert)).rejects.toMatchObject({
      code: 'APP_MISMATCH',
      hint: expect.stringContaining('text_classify'),
    });
  });

  it('refuses a model whose training has not finished', async () => {
    const output = join(folder, 'unfinished');
    const stop = new AbortController();
    const data = writeTsv(join(folder, 'unfinished.tsv'), reviews(48));
    const { stopped } = await train(
      { ...tiny('text-cnn'), train: data, output },
      { signal: stop.signal, onStep: ({ step }) => void (step === 2 && stop.abort()) },
    );
    expect(stopped).toBe('interrupted');
    expect(existsSync(join(output, 'easynlp.json'))).toBe(false);
    await expect(pipeline('text_classify', output)).rejects.toThrow(EasyNlpError);
    await expect(pipeline('text_classify', output)).rejects.toThrow(
      /training has not finished|no config\.json/,
    );
  });

  it.each([
    [
      'a flipped byte in the weights',
      'model.safetensors',
      (path: string) => {
        const bytes = readFileSync(path);
        bytes[bytes.length - 3]! ^= 1;
        writeFileSync(path, bytes);
      },
    ],
    [
      'weights cut short',
      'model.safetensors',
      (path: string) => writeFileSync(path, readFileSync(path).subarray(0, 999)),
    ],
    ['a longer vocabulary', 'vocab.txt', (path: string) => appendFileSync(path, '新\n')],
    ['missing weights', 'model.safetensors', (path: string) => rmSync(path)],
    ['a broken manifest', 'easynlp.json', (path: string) => writeFileSync(path, '{"format": 1, "app"')],
    ['a manifest of the future', 'easynlp.json', (path: string) => writeFileSync(path, '{"format": 2}')],
    [
      'another configuration',
      'config.json',
      (path: string) =>
        writeFileSync(path, readFileSync(path, 'utf8').replace(/"hidden_size": \d+/, '"hidden_size": 48')),
    ],
  ])('refuses %s by name', async (_, file, damage) => {
    const copy = join(folder, 'damaged');
    rmSync(copy, { recursive: true, force: true });
    cpSync(models.bert, copy, { recursive: true });
    damage(join(copy, file));
    const failure = await pipeline('text_classify', copy).catch((error: unknown) => error);
    expect(EasyNlpError.isInstance(failure) && failure.exitCode).toBe(4);
    expect((failure as Error).message).toContain(file);
  });

  it('accepts an edited model card', async () => {
    const copy = join(folder, 'card');
    cpSync(models['text-cnn'], copy, { recursive: true });
    appendFileSync(join(copy, 'README.md'), '\nMine.\n');
    const classify = await pipeline('text_classify', copy, { device: 'cpu' });
    expect((await classify('好吃')).label).toMatch(/评$/);
    classify.dispose();
  });
});
