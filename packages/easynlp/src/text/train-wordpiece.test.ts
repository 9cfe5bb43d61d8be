import { describe, expect, it } from 'vitest';
import { BERT_SPECIAL_TOKENS } from './build-vocab.js';
import { Tokenizer } from './tokenizer.js';
import { gb2312Ideographs, guaranteedTokens, trainWordPiece } from './train-wordpiece.js';

const CHINESE = Array.from({ length: 20 }, () => '今天天氣很好，買了 iPhone 15 和 Python 书，25℃ 😀');
const ENGLISH = Array.from({ length: 200 }, () => 'kubernetes kubernetes containers 20240131 ====== ★★★★★★');

describe('trainWordPiece', () => {
  it('knows the ideographs of GB 2312', () => {
    const found = gb2312Ideographs();
    expect(found).toHaveLength(6763);
    expect(new Set(found).size).toBe(6763);
    expect(found[0]).toBe('啊');
    expect(found.at(-1)).toBe('齄');
    expect(found[3754]).toBe('座'); // the last one of row 55
    expect(found.every((c) => /^[\u4e00-\u9fff]$/.test(c))).toBe(true);
  });

  it('has special tokens, all of GB 2312, punctuation, characters seen often, then pieces', async () => {
    const sources = [
      { name: 'zh', texts: CHINESE },
      { name: 'en', texts: ENGLISH },
    ];
    const { tokens, ...counts } = await trainWordPiece(sources, { size: 7200 });
    expect(tokens.slice(0, 5)).toEqual(BERT_SPECIAL_TOKENS);
    for (const token of [...guaranteedTokens(true), '買', '氣', '##℃', '😀']) expect(tokens).toContain(token);
    for (const token of ['kubernetes', 'containers', 'iphone', 'python', '2024'])
      expect(tokens).toContain(token);
    expect(tokens.some((token) => /[0-9]{5}|==|★★/.test(token))).toBe(false);
    expect(new Set(tokens).size).toBe(tokens.length);
    expect(counts.special + counts.ideographs + counts.characters + counts.pieces).toBe(tokens.length);
    const tokenizer = Tokenizer.fromVocab(tokens);
    for (const encoding of await tokenizer.encodeBatch([...CHINESE, ...ENGLISH])) {
      expect(encoding.tokens).not.toContain('[UNK]');
    }
  });

  it('weighs sources: a heavy one comes first, a light one gives few pieces', async () => {
    const train = (en: number) =>
      trainWordPiece(
        [
          { name: 'zh', texts: CHINESE, weight: 1 },
          { name: 'en', texts: ENGLISH, weight: en },
        ],
        { size: 7200 },
      );
    const heavy = (await train(1)).tokens;
    const light = (await train(0.01)).tokens;
    expect(heavy).toContain('kubernetes');
    expect(light).not.toContain('kubernetes');
    expect(light).toContain('iphone');
    expect(light.indexOf('天')).toBeLessThan(light.indexOf('龘') === -1 ? light.indexOf('齄') : light.length);
  });

  it('keeps capitals when asked, and says how large it must be', async () => {
    const { tokens } = await trainWordPiece([{ name: 'a', texts: CHINESE }], {
      size: 7500,
      doLowerCase: false,
    });
    expect(tokens).toContain('iPhone');
    await expect(trainWordPiece([{ name: 'a', texts: CHINESE }], { size: 5000 })).rejects.toThrow(
      /at least 69\d\d/,
    );
  });
});
