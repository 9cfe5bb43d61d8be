import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Tokenizer } from './tokenizer.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'easynlp-words-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const VOCABULARY = [
  ...['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'],
  ...'今天气好很我们去公园玩北京大学生，。！ab1'.split(''),
  ...[
    '天气',
    '我们',
    '公园',
    '北京大学',
    '北京',
    'hello',
    '##lo',
    'hel',
    'cafe',
    'iphone',
    '##6',
    '##s',
    '公园玩',
  ],
];
const options = { wordSegmenter: 'jieba' } as const;
const words = Tokenizer.fromVocab(VOCABULARY, options);
const plain = async (tokenizer: Tokenizer, text: string, pair?: string) =>
  (await tokenizer.encode(text, pair, { addSpecialTokens: false })).tokens;

describe('a tokenizer of words', () => {
  it('keeps the words of its vocabulary, and takes others apart as BERT does', async () => {
    // jieba: 今天天气 很 好 ， 我们 去 公园 玩 。; the first is not in the vocabulary.
    expect(await plain(words, '今天天气很好，我们去公园玩。')).toEqual(
      '今 天 天 气 很 好 ， 我们 去 公园 玩 。'.split(' '),
    );
    expect(await plain(words, '北京大学生')).toEqual(['北京', '大', '学', '生']);
    expect(await plain(words, '我们Hello, CAFÉ iPhone6s！')).toEqual([
      '我们',
      'hello',
      '[UNK]',
      'cafe',
      'iphone',
      '##6',
      '##s',
      '！',
    ]);
    expect(await plain(words, '公园玩')).toEqual(['公园', '玩']); // in the vocabulary, but no word of jieba's
    expect(await plain(words, '')).toEqual([]);
    expect(words.wordSegmenter).toBe('jieba');
    expect(Tokenizer.fromVocab(VOCABULARY).wordSegmenter).toBeNull();
  });

  it('builds pairs and cuts them as every tokenizer does', async () => {
    const row = await words.encode('我们去公园', '天气好');
    expect(row.tokens).toEqual(['[CLS]', '我们', '去', '公园', '[SEP]', '天气', '好', '[SEP]']);
    expect(Array.from(row.typeIds)).toEqual([0, 0, 0, 0, 0, 1, 1, 1]);
    expect(row.sequenceIds).toEqual([null, 0, 0, 0, null, 1, 1, null]);
    expect(row.wordIds).toEqual([null, 0, 1, 2, null, 0, 1, null]);
    expect(row.offsets.slice(1, 4)).toEqual([[0, 2], [2, 3], [3, 5]]); // biome-ignore format: a line a text
    expect(row.offsets.slice(5, 7)).toEqual([[0, 2], [2, 3]]); // biome-ignore format: a line a text
    expect(Array.from(row.starts)).toEqual([0, 0, 2, 3, 0, 0, 2, 0]);
    const cut = await words.encode('我们去公园'.repeat(30), '天气', { maxLength: 9 });
    expect(cut.tokens).toEqual(['[CLS]', '我们', '去', '公园', '我们', '去', '[SEP]', '天气', '[SEP]']);
    expect(cut.offsets[5]).toEqual([7, 8]);
    await expect(words.encode('我们', null, { maxLength: 2 })).rejects.toMatchObject({
      code: 'DATA_MAX_LENGTH',
    });
  });

  it('gives a batch the results of single calls, singles and pairs side by side', async () => {
    const rows: (string | [string, string])[] = [
      '我们去公园',
      ['天气', '北京大学 hello'],
      '',
      ['', ''],
      '[MASK]好',
    ];
    const batch = await words.encodeBatch(rows, { maxLength: 6 });
    for (const [i, row] of rows.entries()) {
      const [text, pair] = typeof row === 'string' ? [row] : row;
      const single = await words.encode(text, pair, { maxLength: 6 });
      expect(batch[i]!.ids).toEqual(single.ids);
      expect(batch[i]!.offsets).toEqual(single.offsets);
    }
  });

  it('keeps special tokens whole, also inside of what would be a word', async () => {
    expect(await plain(words, '我[MASK]们[MASK]天气[SEP]')).toEqual([
      '我',
      '[MASK]',
      '们',
      '[MASK]',
      '天气',
      '[SEP]',
    ]);
    const more = Tokenizer.fromVocab(VOCABULARY, { ...options, additionalSpecialTokens: ['[E1]', '[E1]x'] });
    const row = await more.encode('公[E1]园[E1]x', null, { addSpecialTokens: false });
    expect(row.tokens).toEqual(['公', '[E1]', '园', '[E1]x']);
    expect(row.offsets).toEqual([[0, 1], [1, 5], [5, 6], [6, 11]]); // biome-ignore format: a line a text
  });

  it('finds added tokens that are normalized in the normalized text', async () => {
    const folder = join(root, 'added');
    await words.save(folder);
    const path = join(folder, 'tokenizer.json');
    const spec = JSON.parse(await readFile(path, 'utf8'));
    const flags = { single_word: false, lstrip: false, rstrip: false, normalized: true, special: false };
    spec.added_tokens.push({ id: VOCABULARY.length, content: 'Abé', ...flags });
    await writeFile(path, JSON.stringify(spec));
    const row = await (await Tokenizer.fromFolder(folder)).encode('我们ABE\u0301去', null, {
      addSpecialTokens: false,
    });
    expect(row.tokens).toEqual(['我们', 'Abé', '去']);
    expect(row.offsets).toEqual([[0, 2], [2, 5], [6, 7]]); // biome-ignore format: a line a text
  });

  it('knows the words of a user dictionary', async () => {
    const userDictionary = [{ word: '公园玩' }, { word: '北京大学生', frequency: 9_000_000, tag: 'n' }];
    const own = Tokenizer.fromVocab(VOCABULARY, { ...options, userDictionary });
    expect(await plain(own, '我们去公园玩')).toEqual(['我们', '去', '公园玩']);
    // A word that the vocabulary lacks falls apart into characters, not into shorter words.
    expect(await plain(own, '北京大学生')).toEqual(['北', '京', '大', '学', '生']);
    expect(own.wordSegmenter).toMatch(/^jieba\+[0-9a-f]{12}$/);
    expect(own.userDictionary).toEqual(userDictionary);
    // Both in one process: their words do not mix.
    expect(await plain(words, '公园玩')).toEqual(['公园', '玩']);
  });

  it('decodes', async () => {
    const { ids } = await words.encode('我们去公园');
    expect(await words.decode(ids)).toBe('我们 去 公园');
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
      '\u0001',
      '\u200d',
      'é',
      'e\u0301',
      'İ',
      'ß',
    ],
    ...[
      '我们',
      '天气',
      '北京大学',
      '公园',
      'hello',
      'iPhone6s',
      'C++',
      'x',
      ' ',
      '\t',
      '\u3000',
      '[MASK]',
      '##',
      '!',
    ],
    ...['，', '🙂', '\ufffd', 'ﬁ', '가', '\ufeff', '한', '#', '3.14', '今天天气', '们公', '\u{2f800}'],
  );
  const text = fc.array(fc.oneof(awkward, fc.string({ unit: 'binary', maxLength: 3 })), { maxLength: 20 });
  const bare = (piece: string) =>
    piece
      .toLowerCase()
      .normalize('NFD')
      .replace(/[\p{Mn}\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Cs}\ufffd]/gu, '');

  it('slice the text that each token stands for, in order and within bounds', async () => {
    await fc.assert(
      fc.asyncProperty(text, text, async (partsA, partsB) => {
        const texts = [partsA.join(''), partsB.join('')];
        const encoding = await words.encode(texts[0]!, texts[1]!);
        const last = [0, 0];
        for (const [i, [start, end]] of encoding.offsets.entries()) {
          expect(encoding.starts[i]).toBe(start);
          const sequence = encoding.sequenceIds[i];
          if (sequence == null) {
            expect([start, end]).toEqual([0, 0]);
            continue;
          }
          const source = texts[sequence]!;
          expect(start).toBeGreaterThanOrEqual(last[sequence]!);
          expect(end).toBeGreaterThan(start);
          expect(end).toBeLessThanOrEqual(source.length);
          last[sequence] = start;
          for (const at of [start, end]) {
            expect(/^[\ud800-\udbff][\udc00-\udfff]$/.test(source.slice(at - 1, at + 1))).toBe(false);
          }
          const token = encoding.tokens[i]!;
          if (token === '[MASK]') expect(source.slice(start, end)).toBe('[MASK]');
          else if (token !== '[UNK]') {
            expect(bare(source.slice(start, end))).toBe(bare(token.replace(/^##(?=.)/, '')));
          }
        }
      }),
      { numRuns: 400 },
    );
  });

  it('leaves no character out that a tokenizer of characters sees', async () => {
    const characters = Tokenizer.fromVocab(VOCABULARY);
    const covered = async (tokenizer: Tokenizer, source: string) => {
      const seen = new Set<number>();
      const { offsets } = await tokenizer.encode(source, null, { addSpecialTokens: false });
      for (const [start, end] of offsets) for (let at = start; at < end; at++) seen.add(at);
      return seen;
    };
    await fc.assert(
      fc.asyncProperty(text, async (parts) => {
        const source = parts.join('');
        const seen = await covered(words, source);
        for (const at of await covered(characters, source)) {
          // A mark in front of a character, which both leave out, belongs to the token in one of them.
          if (!seen.has(at)) expect(bare(source[at]!)).toBe('');
        }
      }),
      { numRuns: 200 },
    );
  });

  it('are those of a tokenizer of characters where the vocabulary has no words', async () => {
    const singles = VOCABULARY.filter((token) => !/\p{Script=Han}{2}/u.test(token));
    const [one, other] = [Tokenizer.fromVocab(singles, options), Tokenizer.fromVocab(singles)];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('今天', '天气', '我们', '，', '。', ' ', '😀', '𠮷', '[MASK]', 'ａ'), {
          maxLength: 12,
        }),
        async (parts) => {
          const source = parts.join('');
          const [a, b] = [await one.encode(source), await other.encode(source)];
          // Side by side, what is unknown to BERT is one token, and characters of their own to jieba.
          if (a.tokens.filter((t) => t === '[UNK]').length !== b.tokens.filter((t) => t === '[UNK]').length)
            return;
          expect(a.tokens).toEqual(b.tokens);
          expect(a.offsets).toEqual(b.offsets);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('folders of tokenizers of words', () => {
  const write = async (name: string, files: Record<string, string | object>) => {
    const folder = join(root, name);
    await mkdir(folder, { recursive: true });
    for (const [file, content] of Object.entries(files)) {
      await writeFile(join(folder, file), typeof content === 'string' ? content : JSON.stringify(content));
    }
    return folder;
  };
  const vocab = `${VOCABULARY.join('\n')}\n`;
  const segmenter = async (name: string, files: Record<string, string | object>) =>
    (await Tokenizer.fromFolder(await write(name, files))).wordSegmenter;

  it.each(['WoBertTokenizer', 'RoFormerTokenizer', 'RoFormerTokenizerFast'])(
    'are known by the class %s, with vocab.txt or tokenizer.json',
    async (name) => {
      const config = { tokenizer_class: name };
      expect(await segmenter(name, { 'vocab.txt': vocab, 'tokenizer_config.json': config })).toBe('jieba');
      const folder = join(root, `${name}-json`);
      await Tokenizer.fromVocab(VOCABULARY).save(folder);
      await writeFile(join(folder, 'tokenizer_config.json'), JSON.stringify(config));
      expect(await plain(await Tokenizer.fromFolder(folder), '我们去公园')).toEqual(['我们', '去', '公园']);
    },
  );

  it('are known by the type of the model, or by the vocabulary, where no class is named', async () => {
    const roformer = { model_type: 'roformer' };
    const bert = { model_type: 'bert' };
    expect(await segmenter('type', { 'vocab.txt': vocab, 'config.json': roformer })).toBe('jieba');
    expect(await segmenter('bert', { 'vocab.txt': vocab, 'config.json': bert })).toBeNull();
    const characters = { tokenizer_class: 'BertTokenizer' };
    const classed = { 'vocab.txt': vocab, 'config.json': roformer, 'tokenizer_config.json': characters };
    expect(await segmenter('classed', classed)).toBeNull();
    const many = Array.from({ length: 1000 }, (_, i) => `一${String.fromCodePoint(0x4e01 + i)}`).join('\n');
    expect(await segmenter('many', { 'vocab.txt': `${vocab}${many}\n`, 'config.json': bert })).toBe('jieba');
    const named = { 'vocab.txt': `${vocab}${many}\n`, 'tokenizer_config.json': characters };
    expect(await segmenter('many-classed', named)).toBeNull();
  });

  it('say what cuts words by word_segmenter, whatever the class', async () => {
    const config = (own: unknown) => ({ tokenizer_class: 'BertTokenizer', word_segmenter: own });
    expect(await segmenter('own', { 'vocab.txt': vocab, 'tokenizer_config.json': config('jieba') })).toBe(
      'jieba',
    );
    const none = { tokenizer_class: 'RoFormerTokenizer', word_segmenter: null };
    expect(await segmenter('none', { 'vocab.txt': vocab, 'tokenizer_config.json': none })).toBeNull();
    await expect(
      segmenter('odd', { 'vocab.txt': vocab, 'tokenizer_config.json': config('x') }),
    ).rejects.toThrow('word_segmenter of tokenizer_config.json is "x", expected "jieba" or null');
  });

  it('round-trip with the user dictionary', async () => {
    const userDictionary = [{ word: '公园玩' }, { word: '们去', frequency: 3, tag: 'n' }];
    const original = Tokenizer.fromVocab(VOCABULARY, { ...options, userDictionary, doLowerCase: false });
    const folder = join(root, 'saved');
    await original.save(folder);
    expect(await readFile(join(folder, 'user_dict.txt'), 'utf8')).toBe('公园玩\n们去 3 n\n');
    const config = JSON.parse(await readFile(join(folder, 'tokenizer_config.json'), 'utf8'));
    expect(config).toMatchObject({
      tokenizer_class: 'RoFormerTokenizer',
      word_segmenter: 'jieba',
      do_lower_case: false,
    });
    const again = await Tokenizer.fromFolder(folder);
    expect(again.wordSegmenter).toBe(original.wordSegmenter);
    expect(await plain(again, '我们去公园玩Hello')).toEqual(await plain(original, '我们去公园玩Hello'));
    const more = await Tokenizer.fromFolder(folder, { userDictionary: [{ word: '去公园' }] });
    expect(more.userDictionary.map(({ word }) => word)).toEqual(['公园玩', '们去', '去公园']);
    const twice = join(root, 'twice');
    await cp(folder, twice, { recursive: true });
    await again.save(twice);
    for (const name of await readdir(folder)) {
      expect(await readFile(join(twice, name), 'utf8')).toBe(await readFile(join(folder, name), 'utf8'));
    }
    await words.save(twice);
    expect(await readdir(twice)).not.toContain('user_dict.txt');
  });

  it('with a wrong user dictionary, or without WordPiece, are refused', async () => {
    const config = { word_segmenter: 'jieba' };
    const wrong = {
      'vocab.txt': vocab,
      'tokenizer_config.json': config,
      'user_dict.txt': '# words\n公园 x9 n\n',
    };
    await expect(segmenter('dictionary', wrong)).rejects.toThrow(
      /user_dict\.txt: .*line 2: "x9 n" is neither frequency nor part of speech/,
    );
    const bpe = { model: { type: 'BPE', vocab: { a: 0 }, merges: [] }, added_tokens: [] };
    await expect(
      segmenter('bpe', { 'tokenizer.json': bpe, 'tokenizer_config.json': config }),
    ).rejects.toThrow('word_segmenter needs a WordPiece vocabulary, and this one is BPE');
  });
});
