import { describe, expect, it } from 'vitest';
import { BERT_SPECIAL_TOKENS, buildVocab } from './build-vocab.js';
import { Tokenizer } from './tokenizer.js';

const TEXTS = [
  '今天的酒店很好，WiFi 也很快！',
  '酒店不好，wifi 很慢。今天 hello hello',
  '很好很好 2023 2024 hello wifi café CAFÉ',
  '罕',
];

describe('buildVocab', () => {
  it('puts special tokens first, then characters by frequency, then pieces', async () => {
    const vocabulary = await buildVocab(TEXTS);
    expect(vocabulary.slice(0, 5)).toEqual(BERT_SPECIAL_TOKENS);
    const at = (token: string) => vocabulary.indexOf(token);
    expect(at('很')).toBeLessThan(at('店'));
    expect(at('店')).toBeLessThan(at('wifi'));
    expect(vocabulary).toContain('hello');
    expect(vocabulary).toContain('wifi');
    expect(vocabulary).toContain('cafe');
    expect(vocabulary).not.toContain('罕');
    expect(new Set(vocabulary).size).toBe(vocabulary.length);
  });

  it('covers its own texts with a tokenizer of the same options', async () => {
    for (const doLowerCase of [true, false]) {
      const vocabulary = await buildVocab(TEXTS, { minFrequency: 1, doLowerCase });
      const tokenizer = Tokenizer.fromVocab(vocabulary, { doLowerCase });
      for (const encoding of await tokenizer.encodeBatch(TEXTS))
        expect(encoding.tokens).not.toContain('[UNK]');
    }
  });

  it('does not depend on the order of the texts', async () => {
    expect(await buildVocab([...TEXTS].reverse())).toEqual(await buildVocab(TEXTS));
  });

  it('keeps to its size, characters before pieces, and takes streams', async () => {
    async function* stream() {
      yield* TEXTS;
    }
    const vocabulary = await buildVocab(stream(), { size: 12, minFrequency: 1 });
    expect(vocabulary).toHaveLength(12);
    expect(vocabulary).not.toContain('hello');
    await expect(buildVocab(TEXTS, { size: 5 })).rejects.toMatchObject({ code: 'DATA_TOKENIZER' });
  });

  it('drops control characters and splits at ideographs as BERT does', async () => {
    const vocabulary = await buildVocab(['he\u200bllo今he\0llo', 'hello'], { minFrequency: 1 });
    expect(vocabulary).toContain('hello');
    expect(vocabulary).toContain('今');
    expect(vocabulary.some((token) => /[\u200b\0]/.test(token))).toBe(false);
  });
});
