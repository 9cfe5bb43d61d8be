import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Tokenizer } from '../../text/index.js';
import { buildTokenCache, isHeldOut } from './build-token-cache.js';
import { cacheOutdated } from './cache-outdated.js';
import { documents, sampleCache } from './corpus.fixture.js';
import { jiebaSegmenter, markWordStarts } from './segmenter.js';
import { TokenCache } from './token-cache.js';
import type { Split } from './token-format.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'easynlp-cache-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
const fresh = () => mkdtempSync(join(folder, 'case-'));

function all(cache: TokenCache, split: Split) {
  const count = cache.header.splits[split].tokens;
  const ids = new Int32Array(count);
  const starts = new Uint8Array(count);
  cache.read(split, 0, count, ids, starts);
  return { ids, starts };
}

describe('token cache', () => {
  it('holds every document once, in order, each ended by [SEP]', async () => {
    const { out, header, tokenizer } = await sampleCache(fresh());
    const cache = await TokenCache.open(out, { tokenizer });
    for (const [name, texts] of Object.entries({ big: documents(400, 1), small: documents(60, 2) })) {
      for (const split of ['train', 'heldOut'] as const) {
        const wanted = texts.filter((text) => isHeldOut(text, 0.1) === (split === 'heldOut'));
        const encodings = await tokenizer.encodeBatch(wanted, { addSpecialTokens: false });
        const range = cache.source(name).splits[split];
        const ids = new Int32Array(range.tokens);
        cache.read(split, range.firstToken, range.tokens, ids, new Uint8Array(range.tokens));
        expect(Array.from(ids)).toEqual(encodings.flatMap((e) => [...e.ids, tokenizer.sepId]));
        expect(Array.from(cache.documentLengths(split, name))).toEqual(encodings.map((e) => e.length + 1));
      }
    }
    const { heldOut, train } = header.splits;
    expect(heldOut.documents + train.documents).toBe(460);
    expect(heldOut.documents).toBeGreaterThan(20);
    expect(heldOut.documents).toBeLessThan(80);
    cache.close();
  });

  it('marks the words of jieba, with pieces and marks inside of a word joined to it', async () => {
    const own = fresh();
    const text = '中华人民共和国成立，iPhone15很好 😀 3.14元';
    writeFileSync(join(own, 'a.txt'), text);
    const vocabulary = [
      ...['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'],
      ...'中华人民共和国成立，很好元😀.3',
      ...['14', 'i', '##phone', '##15'],
    ];
    const tokenizer = Tokenizer.fromVocab(vocabulary);
    const sources = [{ name: 'a', path: join(own, 'a.txt'), layout: 'auto' as const }];
    await buildTokenCache({ sources, tokenizer, out: join(own, 'cache'), heldOut: 0 });
    const cache = await TokenCache.open(join(own, 'cache'));
    const { ids, starts } = all(cache, 'train');
    const shown = Array.from(ids, (id, i) => `${starts[i] === 1 ? '|' : ''}${vocabulary[id]}`).join('');
    expect(shown).toMatch(/^\|中华人民共和国\|成立\|，\|i##phone##15\|很\|好\|😀/);
    expect(shown).toMatch(/\|3\.14\|元\|\[SEP\]$/);
    // Without a segmenter every character is a word.
    await buildTokenCache({ sources, tokenizer, out: join(own, 'c2'), heldOut: 0, segmenter: null });
    const plain = all(await TokenCache.open(join(own, 'c2')), 'train');
    expect(plain.ids).toEqual(ids);
    expect(Array.from(plain.starts).filter((bit) => bit === 0)).toHaveLength(2); // the two ## pieces
  });

  it('marks positions in UTF-16 units, and falls back when words do not add up', () => {
    const marks = new Uint8Array(20);
    markWordStarts('😀天气好', ['😀', '天气', '好'], marks);
    expect(Array.from(marks.subarray(0, 5))).toEqual([1, 0, 1, 0, 1]);
    markWordStarts('天气好', ['天气'], marks);
    expect(Array.from(marks.subarray(0, 3))).toEqual([1, 1, 1]);
    const text = '小明硕士毕业于中国科学院计算所\ud83d，后在日本京都大学深造 𠮷野家。\n第二行';
    expect(jiebaSegmenter().cut(text).join('')).toHaveLength(text.length);
  });

  it('reads the same from the file as from memory, and the same bits from a bitmap', async () => {
    const own = fresh();
    const { out } = await sampleCache(own);
    const loaded = await TokenCache.open(out);
    const { ids, starts } = all(loaded, 'train');
    const pieces = await TokenCache.open(out, { loadBelow: 0 });
    const some = new Int32Array(300);
    const bits = new Uint8Array(300);
    for (const from of [0, 1, 7, 4001]) {
      pieces.read('train', from, 293, some, bits, 7);
      expect(some.subarray(7)).toEqual(ids.subarray(from, from + 293));
      expect(bits.subarray(7)).toEqual(starts.subarray(from, from + 293));
    }
    expect(() => pieces.read('train', ids.length - 1, 2, some, bits)).toThrow(RangeError);
    pieces.close();

    // A vocabulary beyond 15 bits: the same ids, the bits in a file of their own.
    const texts = documents(20, 5);
    writeFileSync(join(own, 'wide.txt'), texts.join('\n'));
    const wide = Array.from({ length: 40_000 }, (_, i) => `word${i}`);
    const characters = Array.from(new Set(texts.join(''))).map((c) => c.toLowerCase());
    const tokenizer = Tokenizer.fromVocab([
      ...['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...wide],
      ...new Set(characters.flatMap((c) => [c, `##${c}`])),
    ]);
    const sources = [{ name: 'wide', path: join(own, 'wide.txt'), layout: 'line' as const }];
    const header = await buildTokenCache({ sources, tokenizer, out: join(own, 'wide'), heldOut: 0 });
    expect(header.wordStarts).toBe('bitmap');
    for (const loadBelow of [0, 2 ** 31]) {
      const cache = await TokenCache.open(join(own, 'wide'), { loadBelow });
      const whole = all(cache, 'train');
      expect(Math.max(...whole.ids)).toBeGreaterThan(40_000);
      cache.read('train', 13, 100, some, bits);
      expect(bits.subarray(0, 100)).toEqual(whole.starts.subarray(13, 113));
      expect(whole.starts.includes(0)).toBe(true);
      cache.close();
    }
  });

  it('notices every kind of damage, and another vocabulary', async () => {
    const own = fresh();
    const { out, tokenizer } = await sampleCache(own);
    const path = join(out, 'train.tokens.bin');
    const bytes = readFileSync(path);
    const open = () => TokenCache.open(out);
    bytes[1000]! ^= 1;
    writeFileSync(path, bytes);
    await expect(open()).rejects.toThrow(/train.tokens.bin does not have the checksum/);
    expect(TokenCache.openSync(out).header.vocabSize).toBe(tokenizer.vocabSize);
    truncateSync(path, bytes.length - 2);
    await expect(open()).rejects.toThrow(/bytes, expected/);
    rmSync(path);
    await expect(open()).rejects.toThrow(/is missing/);
    const header = readFileSync(join(out, 'header.json'), 'utf8');
    for (const wrong of [
      '{',
      'null',
      '{}',
      header.replace('"version": 1', '"version": 2'),
      '{"format":"easynlp-token-cache","version":1}',
    ]) {
      writeFileSync(join(out, 'header.json'), wrong);
      await expect(open()).rejects.toMatchObject({ code: 'DATA_CACHE_DAMAGED' });
    }
    rmSync(join(out, 'header.json'));
    await expect(open()).rejects.toMatchObject({ code: 'DATA_CACHE_DAMAGED' });

    const again = await sampleCache(own);
    const other = Tokenizer.fromVocab(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', '好']);
    await expect(TokenCache.open(again.out, { tokenizer: other })).rejects.toMatchObject({
      code: 'DATA_CACHE_MISMATCH',
    });
    expect(() => TokenCache.openSync(again.out).source('bog')).toThrow(/no source "bog"/);
  });

  it('says when it is out of date', async () => {
    const own = fresh();
    const { out, tokenizer } = await sampleCache(own);
    const cache = await TokenCache.open(out);
    const source = (name: string) => ({ name, path: join(own, `${name}.txt`), layout: 'auto' as const });
    const now = { sources: [source('big'), source('small')], tokenizer, heldOut: 0.1 };
    expect(await cacheOutdated(cache, now)).toBeNull();
    expect(await cacheOutdated(cache, { ...now, heldOut: 0.2 })).toMatch(/held out was 0.1/);
    expect(await cacheOutdated(cache, { ...now, sources: [source('big')] })).toMatch(
      /sources are big, small/,
    );
    expect(await cacheOutdated(cache, { ...now, segmenter: 'none' })).toMatch(/jieba/);
    const other = Tokenizer.fromVocab(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', '好']);
    expect(await cacheOutdated(cache, { ...now, tokenizer: other })).toMatch(/vocabulary/);
    writeFileSync(join(own, 'small.txt'), 'changed');
    expect(await cacheOutdated(cache, now)).toBe('the file of small changed');
  });

  it('leaves nothing half written, and an existing cache alone', async () => {
    const own = fresh();
    writeFileSync(join(own, 'good.txt'), documents(50, 3).join('\n'));
    writeFileSync(join(own, 'bad.txt'), Buffer.from([0xff, 0xff, 0x0a]));
    const tokenizer = Tokenizer.fromVocab(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', '好']);
    const source = (name: string) => ({ name, path: join(own, `${name}.txt`), layout: 'line' as const });
    const out = join(own, 'cache');
    const before = readdirSync(own).sort();
    await expect(
      buildTokenCache({ sources: [source('good'), source('bad')], tokenizer, out }),
    ).rejects.toMatchObject({ code: 'DATA_ENCODING' });
    const aborted = AbortSignal.abort();
    await expect(
      buildTokenCache({ sources: [source('good')], tokenizer, out, signal: aborted }),
    ).rejects.toMatchObject({ name: 'AbortError' });
    expect(readdirSync(own).sort()).toEqual(before);
    writeFileSync(out, 'mine');
    await expect(buildTokenCache({ sources: [source('good')], tokenizer, out })).rejects.toMatchObject({
      code: 'TRAIN_OUTPUT_EXISTS',
    });
    expect(readFileSync(out, 'utf8')).toBe('mine');
  });
});
