import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { memory } from '@easynlp/torch';
import { beforeAll, describe, expect, it } from 'vitest';
import type { PredictOptions } from '../../config/index.js';
import { workFolder } from '../../predictor/models.fixture.js';
import { pipeline } from '../../predictor/pipeline.js';
import { predict } from '../../predictor/predict.js';
import { Tokenizer } from '../../text/index.js';
import { Rng } from '../../util/index.js';
import { fillToken, putIn, withoutBlanks } from './fill-words.js';
import { chooseWords, wordsOf } from './mask-words.js';
import { DEFAULT_FILL } from './spec.js';

const folder = workFolder('augmentation');
const file = (name: string) => join(folder, name);
const TEXTS = [
  '房间很干净，服务员态度也不错，下次还会再来',
  '物流太慢，等了一个星期才到，差评',
  'iPhone 手机屏幕清晰 ABC，电池耐用，😀值得购买',
];
const input = file('train.tsv');
writeFileSync(input, `label\ttext\tid\n${TEXTS.map((text, i) => `${i}\t${text}\tn${i}`).join('\n')}\n`);

async function augment(name: string, options: Record<string, unknown> = {}): Promise<string[]> {
  const output = file(name);
  await predict({
    app: 'data_augmentation',
    model: 'bert-tiny-zh',
    input: [input],
    output,
    device: 'cpu',
    numThreads: 1,
    ...options,
  } as PredictOptions);
  return readFileSync(output, 'utf8').trimEnd().split('\n');
}
const texts = (lines: readonly string[]) => lines.slice(1).map((line) => line.split('\t')[1]!);

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = Tokenizer.fromVocab([
    ...['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', '，', '！'],
    ...['房', '间', '很', '干', '净', '好', '大', 'ab', '##c', '##d', 'xyz', '7'],
  ]);
});

describe('masked words', () => {
  it('are words of jieba, without punctuation and unknown characters', async () => {
    const text = '房间很干净，喵abc 7！';
    const encoding = await tokenizer.encode(text);
    const words = wordsOf(encoding, [text], tokenizer.unkId);
    expect(words.map((word) => word.map(({ start, end }) => text.slice(start, end)))).toEqual([
      ['房', '间'],
      ['很'],
      ['干', '净'],
      ['ab', 'c'],
      ['7'],
    ]);
    const own = wordsOf(encoding, [text], tokenizer.unkId, [{ word: '很干净' }]);
    expect(own.map((word) => word.length)).toEqual([2, 3, 2, 1]);
    const chosen = chooseWords(words, 0.4, new Rng(1));
    const whole = words.filter((word) => chosen.includes(word[0]!));
    expect(whole).toHaveLength(2);
    expect(chosen).toEqual(whole.flat());
    expect(chooseWords(words, 0.01, new Rng(1)).length).toBeGreaterThan(0);
    expect(chooseWords([], 0.5, new Rng(1))).toEqual([]);
  });

  it('of pairs are found in both texts', async () => {
    const pair = ['房间', '干净！'] as const;
    const words = wordsOf(await tokenizer.encode(...pair), pair, tokenizer.unkId);
    expect(words.map((word) => [word[0]!.sequence, word[0]!.start, word.at(-1)!.end])).toEqual([
      [0, 0, 2],
      [1, 0, 2],
    ]);
  });

  it('are filled by tokens of the same kind, drawn only when asked for', () => {
    const logits = new Float32Array(tokenizer.vocabSize);
    const id = (token: string) => tokenizer.tokenToId(token)!;
    logits[id('[SEP]')] = 9;
    logits[id('，')] = 8;
    logits[id('xyz')] = 7;
    logits[id('##d')] = 6;
    logits[id('房')] = 5;
    logits[id('好')] = 4;
    const at = (token: string) => ({ at: 0, id: id(token), sequence: 0 as const, start: 0, end: 1 });
    const fill = (token: string, settings = {}, seed = 1) =>
      tokenizer.idToToken(
        fillToken(logits, at(token), tokenizer, { ...DEFAULT_FILL, ...settings }, new Rng(seed)),
      );
    expect(['大', '房', '##c', 'ab'].map((token) => fill(token))).toEqual(['房', '房', '##d', 'xyz']);
    expect(fill('房', { neverKeepSame: true })).toBe('好');
    const draws = Array.from({ length: 60 }, (_, seed) => fill('大', { fillTemperature: 2 }, seed));
    expect(new Set(draws).size).toBeGreaterThan(2);
    expect(draws.filter((token) => token === '房').length).toBeGreaterThan(20);
    const few = Array.from({ length: 60 }, (_, seed) => fill('大', { fillTemperature: 5, topK: 2 }, seed));
    expect(new Set(few)).toEqual(new Set(['房', '好']));
  });

  it('leave everything else of the text as it was written', async () => {
    const text = ' 房间 ABC，很干净 ';
    const encoding = await tokenizer.encode(text);
    const words = wordsOf(encoding, [text], tokenizer.unkId).flat();
    const ids = (tokens: string[]) => tokens.map((token) => tokenizer.tokenToId(token)!);
    expect(putIn([text], words, ids(['好', '大', 'ab', '##d', '很', '干', '净']), tokenizer)).toEqual([
      ' 好大 ABd，很干净 ',
    ]);
    expect(withoutBlanks('我 爱 New York  ，你 7 岁 ')).toBe('我爱New York，你7岁');
  });
});

describe('data_augmentation', () => {
  it('writes a row for each text, with its other columns, to be trained on as it is', async () => {
    const lines = await augment('three.tsv', { expansionRate: 3, maskProportion: 0.3, neverKeepSame: true });
    expect(lines).toHaveLength(1 + 9);
    expect(lines[0]).toBe('label\ttext\tid');
    for (const [i, line] of lines.slice(1).entries()) {
      const [label, text, id] = line.split('\t');
      const row = Math.floor(i / 3);
      expect([label, id]).toEqual([String(row), `n${row}`]);
      expect(text).not.toBe(TEXTS[row]);
      // Punctuation is never masked.
      expect(text!.replace(/[^，😀]/gu, '')).toBe(TEXTS[row]!.replace(/[^，😀]/gu, ''));
    }
    expect(new Set(texts(lines)).size).toBe(9);
  });

  it('is the same for the same seed, and does not depend on the batch', async () => {
    const drawn = { expansionRate: 4, fillTemperature: 1, topK: 50 };
    const one = await augment('one.tsv', drawn);
    expect(await augment('two.tsv', { ...drawn, batchSize: 1 })).toEqual(one);
    expect(await augment('other.tsv', { ...drawn, seed: 7 })).not.toEqual(one);
    expect(await augment('arg-max.tsv', { expansionRate: 4 })).not.toEqual(one);
  });

  it('appends originals, appended columns behind every line, or as EasyNLP lays them out', async () => {
    const all = await augment('all.tsv', { appendOriginal: true, appendCols: ['id'], expansionRate: 2 });
    expect(all).toHaveLength(1 + 9);
    expect(all[0]).toBe('label\ttext\tid\tid');
    expect([1, 4, 7].map((i) => all[i]!.split('\t')[1])).toEqual(TEXTS);
    for (const [i, line] of all.slice(1).entries())
      expect(line.endsWith(`\tn${Math.floor(i / 3)}`)).toBe(true);
    const cells = await augment('cells.tsv', { appendCols: ['id'], expansionRate: 2, oneCell: true });
    expect(cells.slice(1).map((line) => line.split('\t').length)).toEqual([3, 4, 3, 4, 3, 4]);
  });

  it('reads tables without a header, pairs, and texts without a word', async () => {
    const path = file('pairs.txt');
    writeFileSync(path, '0\t房间干净\t服务不错\n1\t！！\t😀\n');
    const lines = await augment('pairs.tsv', {
      input: [path],
      schema: 'label:str:1,a:str:1,b:str:1',
      firstSequence: 'a',
      secondSequence: 'b',
      neverKeepSame: true,
      maskProportion: 1,
    });
    expect(lines).toHaveLength(2);
    const [label, a, b] = lines[0]!.split('\t');
    expect(label).toBe('0');
    expect(a).toHaveLength(4);
    expect([a, b]).not.toEqual(['房间干净', '服务不错']);
    expect(lines[1]).toBe('1\t！！\t😀');
  });

  it('is a pipeline as well, and keeps no tensors', async () => {
    const before = memory().tensors;
    const more = await pipeline('data_augmentation', 'bert-tiny-zh', { device: 'cpu' });
    const results = await more(TEXTS);
    expect(results).toHaveLength(3);
    expect(results[0]!.text.replace(/[^，]/g, '')).toBe('，，');
    more.dispose();
    expect(memory().tensors).toBe(before);
  });

  it('tells mistakes', async () => {
    await expect(augment('no.tsv', { outputSchema: ['logits'] })).rejects.toMatchObject({
      code: 'CONFIG_INVALID_VALUE',
    });
    await expect(augment('no.tsv', { firstSequence: 'txt' })).rejects.toMatchObject({
      code: 'DATA_COLUMN_UNKNOWN',
    });
    await expect(augment('no.tsv', { maskProportion: 0 })).rejects.toMatchObject({
      code: 'CONFIG_INVALID_VALUE',
    });
    await expect(augment('no.tsv', { expansionRates: 2 })).rejects.toMatchObject({
      code: 'CONFIG_UNKNOWN_KEY',
    });
    const { train } = await import('../../trainer/train.js');
    await expect(
      train({ app: 'data_augmentation', model: 'bert-tiny-zh', train: input, output: file('trained') }),
    ).rejects.toThrow(/is not trained/);
  });
});
