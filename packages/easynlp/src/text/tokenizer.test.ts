import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testData } from './test-data.fixture.js';
import { Tokenizer } from './tokenizer.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easynlp-tokenizer-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const VOCABULARY = [
  ...['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'],
  ...'今天气好不坏的我你a bcx!，。１🙂'.replace(' ', ''),
  ...['hello', '##lo', 'hel', '##x', '##b', '##c', 'cafe', '1', '##1'],
];
const tokenizer = Tokenizer.fromVocab(VOCABULARY);

describe('encoding', () => {
  it('builds BERT input for one text and for a pair', async () => {
    const one = await tokenizer.encode('今天 Hello!');
    expect(one.tokens).toEqual(['[CLS]', '今', '天', 'hello', '!', '[SEP]']);
    expect(one.ids).toEqual(Int32Array.from(one.tokens, (token) => VOCABULARY.indexOf(token)));
    expect(Array.from(one.typeIds)).toEqual([0, 0, 0, 0, 0, 0]);
    expect(Array.from(one.specialTokensMask)).toEqual([1, 0, 0, 0, 0, 1]);
    const pair = await tokenizer.encode('今', '天 气');
    expect(pair.tokens).toEqual(['[CLS]', '今', '[SEP]', '天', '气', '[SEP]']);
    expect(Array.from(pair.typeIds)).toEqual([0, 0, 0, 1, 1, 1]);
    expect(pair.sequenceIds).toEqual([null, 0, null, 1, 1, null]);
    expect(pair.wordIds).toEqual([null, 0, null, 0, 1, null]);
    expect(pair.offsets).toEqual([
      [0, 0],
      [0, 1],
      [0, 0],
      [0, 1],
      [2, 3],
      [0, 0],
    ]);
  });

  it('gives a batch the results of single calls', async () => {
    const rows: (string | [string, string])[] = ['今天', ['我', '你 abc'], '', ['', ''], 'hello'];
    const batch = await tokenizer.encodeBatch(rows, { maxLength: 6 });
    for (const [i, row] of rows.entries()) {
      const [text, pair] = typeof row === 'string' ? [row] : row;
      const single = await tokenizer.encode(text, pair, { maxLength: 6 });
      expect(batch[i]!.ids).toEqual(single.ids);
      expect(batch[i]!.typeIds).toEqual(single.typeIds);
    }
    expect(await tokenizer.encodeBatch([])).toEqual([]);
  });

  it('cuts the longer text of a pair first, as Hugging Face does', async () => {
    const tokens = async (a: string, b: string, maxLength: number) =>
      (await tokenizer.encode(a, b, { maxLength })).tokens.filter((token) => token.length === 1).join('');
    expect(await tokens('今天天天天天', '我你', 8)).toBe('今天天我你');
    expect(await tokens('今天', '我你你你你你', 8)).toBe('今天我你你');
    expect(await tokens('今天天天天天', '我你你你你你', 9)).toHaveLength(6);
  });

  it('equals a plain reimplementation of longest-first at every length', async () => {
    const text = fc
      .array(fc.constantFrom('今', '天', '我', ' a'), { maxLength: 14 })
      .map((parts) => parts.join(''));
    await fc.assert(
      fc.asyncProperty(text, text, fc.integer({ min: 4, max: 24 }), async (a, b, maxLength) => {
        const whole = await tokenizer.encode(a, b);
        const ids = (sequence: 0 | 1) => whole.ids.filter((_, i) => whole.sequenceIds[i] === sequence);
        // The library (0.23) first cuts each text to maxLength, then keeps the shorter one whole if it fits
        // into half of the room, else gives both half, and the odd token to the longer (the second of equals).
        let [first, second] = [Math.min(ids(0).length, maxLength), Math.min(ids(1).length, maxLength)];
        const room = maxLength - 3;
        if (first + second > room) {
          const [short, long] = first <= second ? [first, second] : [second, first];
          const kept = Math.min(short, Math.max(room >> 1, room - long));
          const rest = room - kept;
          [first, second] = first <= second ? [kept, rest] : [rest, kept];
        }
        const cut = await tokenizer.encode(a, b, { maxLength });
        expect(cut.length).toBe(Math.min(maxLength, whole.length));
        expect(cut.ids.filter((_, i) => cut.sequenceIds[i] === 0).length).toBe(first);
        expect(cut.ids.filter((_, i) => cut.sequenceIds[i] === 1).length).toBe(second);
      }),
      { numRuns: 200 },
    );
  });

  it('keeps concurrent calls with different lengths apart', async () => {
    const text = '今天气好'.repeat(50);
    const lengths = Array.from({ length: 60 }, (_, i) => 3 + ((i * 7) % 20));
    const results = await Promise.all(
      lengths.map((maxLength) => tokenizer.encodeBatch([text, text], { maxLength })),
    );
    for (const [i, rows] of results.entries()) for (const row of rows) expect(row.length).toBe(lengths[i]);
  });

  it.each([0, 2, -1, 1.5, Number.NaN])('refuses a maximum length of %d', async (maxLength) => {
    await expect(tokenizer.encode('今', null, { maxLength })).rejects.toMatchObject({
      code: 'DATA_MAX_LENGTH',
    });
  });

  it('asks for more room for a pair', async () => {
    await expect(tokenizer.encodeBatch([['今', '天']], { maxLength: 3 })).rejects.toMatchObject({
      code: 'DATA_MAX_LENGTH',
    });
    expect((await tokenizer.encode('今天', null, { maxLength: 1, addSpecialTokens: false })).tokens).toEqual([
      '今',
    ]);
  });

  it('decodes', async () => {
    const { ids } = await tokenizer.encode('hello x 今天');
    expect(await tokenizer.decode(ids)).toBe('hello x 今 天');
    expect(await tokenizer.decode(ids, { skipSpecialTokens: false })).toBe('[CLS] hello x 今 天 [SEP]');
  });
});

describe('offsets (R17)', () => {
  const awkward = fc.constantFrom(
    ...[
      '😀',
      '👨‍👩‍👧',
      '葛󠄀',
      '𠮷',
      '\ud800',
      '\udc00',
      'Ａ',
      '１',
      '\r\n',
      '\0',
      '\u200d',
      'é',
      'e\u0301',
      'İ',
      'ß',
      '\ufeff',
    ],
    ...['今', '天', 'hello', 'x', ' ', '\t', '\u3000', '[MASK]', '##', '!', '，', '🙂', '\ufffd', 'ﬁ', '가'],
  );
  const text = fc.array(fc.oneof(awkward, fc.string({ unit: 'binary', maxLength: 3 })), { maxLength: 20 });

  /** What BERT makes of a piece of text before it looks into the vocabulary. */
  const plain = (piece: string) =>
    piece
      .toLowerCase()
      .normalize('NFD')
      .replace(/[\p{Mn}\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Cs}\ufffd]/gu, '');

  it('slice the text that each token stands for, in order and within bounds', async () => {
    await fc.assert(
      fc.asyncProperty(text, text, async (partsA, partsB) => {
        const texts = [partsA.join(''), partsB.join('')];
        const encoding = await tokenizer.encode(texts[0]!, texts[1]!);
        let seen = 0;
        const last = [0, 0];
        for (const [i, [start, end]] of encoding.offsets.entries()) {
          const sequence = encoding.sequenceIds[i];
          if (sequence == null) {
            expect([start, end]).toEqual([0, 0]);
            continue;
          }
          const source = texts[sequence]!;
          expect(start).toBeGreaterThanOrEqual(last[sequence]!);
          expect(end).toBeGreaterThanOrEqual(start);
          expect(end).toBeLessThanOrEqual(source.length);
          last[sequence] = start;
          // No span may cut a surrogate pair in two.
          for (const at of [start, end]) {
            expect(/^[\ud800-\udbff][\udc00-\udfff]$/.test(source.slice(at - 1, at + 1))).toBe(false);
          }
          const token = encoding.tokens[i]!;
          if (token !== '[UNK]' && token !== '[MASK]') {
            expect(plain(source.slice(start, end))).toBe(plain(token.replace(/^##(?=.)/, '')));
            seen++;
          }
        }
        return seen >= 0;
      }),
      { numRuns: 400 },
    );
  });

  it('count UTF-16 units after characters beyond U+FFFF', async () => {
    const source = '😀今👨‍👩‍👧天';
    const { tokens, offsets } = await tokenizer.encode(source, '𠮷今');
    const spans = tokens.map((token, i) => [token, offsets[i]]);
    expect(spans).toContainEqual(['今', [2, 3]]);
    expect(spans).toContainEqual(['天', [11, 12]]);
    expect(spans.at(-2)).toEqual(['今', [2, 3]]);
  });
});

describe('special tokens', () => {
  it('are found by role', () => {
    const { padId, unkId, clsId, sepId, maskId, vocabSize } = tokenizer;
    expect([padId, unkId, clsId, sepId, maskId]).toEqual([0, 1, 2, 3, 4]);
    expect(vocabSize).toBe(VOCABULARY.length);
    expect(tokenizer.tokenToId('今')).toBe(5);
    expect(tokenizer.idToToken(5)).toBe('今');
    expect(tokenizer.tokenToId('nothing')).toBeNull();
    expect(tokenizer.idToToken(1e6)).toBeNull();
    expect(tokenizer.idToToken(-1)).toBeNull();
  });

  it('are never split, and may be added to the vocabulary', async () => {
    const more = Tokenizer.fromVocab(VOCABULARY, { additionalSpecialTokens: ['[E1]'] });
    expect((await more.encode('今[E1]天[MASK]')).tokens).toEqual([
      '[CLS]',
      '今',
      '[E1]',
      '天',
      '[MASK]',
      '[SEP]',
    ]);
    expect(more.vocabSize).toBe(VOCABULARY.length + 1);
    expect(more.tokenToId('[E1]')).toBe(VOCABULARY.length);
  });

  it('must be in the vocabulary', () => {
    expect(() => Tokenizer.fromVocab(['[PAD]', '[UNK]'])).toThrow(/lacks the special tokens \[CLS\] \[SEP\]/);
    const noMask = Tokenizer.fromVocab(['[PAD]', '[UNK]', '[CLS]', '[SEP]']);
    expect(() => noMask.maskId).toThrow(/has no mask token/);
  });
});

describe('folders', () => {
  const write = async (name: string, files: Record<string, string>) => {
    const path = join(folder, name);
    await mkdir(path, { recursive: true });
    for (const [file, content] of Object.entries(files)) await writeFile(join(path, file), content);
    return path;
  };
  const texts = ['今天 Hello CAFÉ', '我！hello[MASK]x', '１😀 [E1] a'];
  const encodings = async (one: Tokenizer) =>
    (await one.encodeBatch(texts)).map(({ ids }) => Array.from(ids));

  it('round-trip through save, with vocab.txt alone and with tokenizer.json', async () => {
    const options = { doLowerCase: false, additionalSpecialTokens: ['[E1]'], modelMaxLength: 512 };
    const original = Tokenizer.fromVocab([...VOCABULARY, '__proto__'], options);
    const saved = join(folder, 'saved');
    await original.save(saved);
    expect((await readdir(saved)).sort()).toEqual([
      'special_tokens_map.json',
      'tokenizer.json',
      'tokenizer_config.json',
      'vocab.txt',
    ]);
    const again = await Tokenizer.fromFolder(saved);
    expect(await encodings(again)).toEqual(await encodings(original));
    expect(again.maskId).toBe(4);
    expect(again.tokenToId('__proto__')).toBe(VOCABULARY.length);
    const twice = join(folder, 'twice');
    await again.save(twice);
    for (const name of await readdir(saved)) {
      expect(JSON.stringify(await readFile(join(twice, name), 'utf8'))).toBe(
        JSON.stringify(await readFile(join(saved, name), 'utf8')),
      );
    }
    const config = JSON.parse(await readFile(join(saved, 'tokenizer_config.json'), 'utf8'));
    expect(config).toMatchObject({
      tokenizer_class: 'BertTokenizer',
      do_lower_case: false,
      mask_token: '[MASK]',
    });
    const plain = join(folder, 'plain');
    await cp(saved, plain, { recursive: true });
    await rm(join(plain, 'tokenizer.json'));
    const fromVocab = await Tokenizer.fromFolder(plain);
    expect(await encodings(fromVocab)).toEqual(await encodings(original));
  });

  it('read vocab.txt with CRLF, and the options of tokenizer_config.json', async () => {
    const vocabulary = [...VOCABULARY, 'H', '##ello'].join('\r\n');
    const cased = await Tokenizer.fromFolder(
      await write('cased', {
        'vocab.txt': `${vocabulary}\r\n`,
        'tokenizer_config.json': '{"do_lower_case": false, "unk_token": {"content": "[UNK]"}}',
        'added_tokens.json': `{"<new>": ${VOCABULARY.length + 2}}`,
      }),
    );
    expect((await cased.encode('Hello<new>今天')).tokens).toEqual([
      '[CLS]',
      'H',
      '##ello',
      '<new>',
      '今',
      '天',
      '[SEP]',
    ]);
    expect(cased.vocabSize).toBe(VOCABULARY.length + 3);
    const lower = await Tokenizer.fromFolder(await write('lower', { 'vocab.txt': vocabulary }));
    expect((await lower.encode('Hello CAFÉ')).tokens).toEqual(['[CLS]', 'hello', 'cafe', '[SEP]']);
  });

  it('ignore truncation and padding that a tokenizer.json asks for', async () => {
    const saved = join(folder, 'settings');
    await tokenizer.save(saved);
    const path = join(saved, 'tokenizer.json');
    const spec = JSON.parse(await readFile(path, 'utf8'));
    spec.truncation = { direction: 'Right', max_length: 3, strategy: 'LongestFirst', stride: 0 };
    spec.padding = {
      strategy: { Fixed: 20 },
      direction: 'Right',
      pad_to_multiple_of: null,
      pad_id: 0,
      pad_type_id: 0,
      pad_token: '[PAD]',
    };
    await writeFile(path, JSON.stringify(spec));
    expect((await (await Tokenizer.fromFolder(saved)).encode('今天今天')).length).toBe(6);
  });

  it('that hold no usable tokenizer are refused with a reason', async () => {
    const reason = async (files: Record<string, string>) =>
      Tokenizer.fromFolder(
        await write(`bad-${Object.keys(files).join()}-${JSON.stringify(files).length}`, files),
      ).then(
        () => 'loaded',
        (error: Error & { code?: string }) =>
          `${error.code}: ${error.message.split(': ').slice(1).join(': ')}`,
      );
    expect(await reason({})).toMatch(/^DATA_TOKENIZER: .*neither tokenizer.json nor vocab.txt/);
    expect(await reason({ 'vocab.txt': '' })).toMatch(/^DATA_TOKENIZER: .*empty/);
    expect(await reason({ 'vocab.txt': 'a\nb\n' })).toMatch(/^DATA_TOKENIZER: .*lacks the special tokens/);
    expect(await reason({ 'tokenizer.json': '{"version":' })).toMatch(/^DATA_TOKENIZER: .*not valid JSON/);
    expect(await reason({ 'tokenizer.json': '{"model": {"type": "Nothing"}}' })).toMatch(/^DATA_TOKENIZER/);
    await expect(Tokenizer.fromFolder(join(folder, 'absent'))).rejects.toMatchObject({
      code: 'DATA_TOKENIZER',
    });
  });

  const data = testData();
  const real = data && join(data, 'tokenizers');
  it.skipIf(!real || !existsSync(real))('of well-known models load (needs the test data)', async () => {
    const mengzi = join(folder, 'mengzi');
    await mkdir(mengzi);
    await cp(join(real!, 'mengzi_bert_base_tokenizer.json'), join(mengzi, 'tokenizer.json'));
    const fast = await Tokenizer.fromFolder(mengzi);
    expect((await fast.encode('今天天气好')).length).toBe(7);
    expect(fast.maskId).toBeGreaterThan(0);
    const wobert = join(folder, 'wobert');
    await mkdir(wobert);
    await cp(join(real!, 'wobert_vocab_33586.txt'), join(wobert, 'vocab.txt'));
    expect((await Tokenizer.fromFolder(wobert)).vocabSize).toBe(33586);
  });
});
