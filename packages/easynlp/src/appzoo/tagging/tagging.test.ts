import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jiebaIdf, jiebaSegmenter, jiebaTagger, readUserDictionary } from '../../datahub/corpus/index.js';
import { workFolder } from '../../predictor/models.fixture.js';
import {
  applyRules,
  embeddingKeywords,
  LabelDictionary,
  labelThresholds,
  textRankKeywords,
  tfIdfKeywords,
} from './index.js';

const folder = workFolder('tagging');
const NEWS =
  '华为发布新款手机。新款手机的摄像头升级明显，手机电池容量也更大。分析师认为，手机市场竞争激烈，摄像头成为手机厂商的竞争重点。';

describe('a user dictionary', () => {
  it('keeps words whole, without and with frequency', async () => {
    const path = join(folder, 'words.txt');
    writeFileSync(path, '# 词典\n云原生\n达摩院 500 nt\n\n大模型 n\n');
    const userDictionary = await readUserDictionary(path);
    expect(userDictionary).toEqual([
      { word: '云原生' },
      { word: '达摩院', frequency: 500, tag: 'nt' },
      { word: '大模型', tag: 'n' },
    ]);
    const text = '达摩院的云原生大模型';
    const own = jiebaSegmenter({ userDictionary });
    expect(own.cut(text)).toEqual(['达摩院', '的', '云原生', '大模型']);
    expect(jiebaSegmenter().cut(text)).not.toContain('云原生');
    expect(own.name).toMatch(/^jieba\+[0-9a-f]{12}$/);
    expect(jiebaSegmenter().name).toBe('jieba');
  });

  it('tells the line that is wrong', async () => {
    const path = join(folder, 'bad.txt');
    writeFileSync(path, '云原生\n大模型 many words here\n');
    await expect(readUserDictionary(path)).rejects.toThrow(/bad\.txt, line 2: "words here" is neither/);
  });
});

describe('keywords', () => {
  const options = { topK: 3, words: jiebaTagger() };

  it('TextRank finds what the text is about', () => {
    const found = textRankKeywords(NEWS, options);
    expect(found[0]).toMatchObject({ word: '手机', score: 1 });
    expect(found.map((k) => k.word)).toContain('摄像头');
  });

  it('TextRank scores are those of the equation', () => {
    // a – b – c in one window each: b is linked with both.
    const words = () =>
      ['甲甲', '的', '的', '的', '乙乙', '的', '的', '的', '丙丙'].map((word) => ({ word, tag: 'n' }));
    const [b, a, c] = textRankKeywords('x', { topK: 3, words });
    // W(b) = .15 + .85·2·W(a); W(a) = .15 + .85·W(b)/2
    const top = (0.15 + 0.85 * 2 * 0.15) / (1 - 0.85 * 0.85);
    expect(b).toMatchObject({ word: '乙乙', score: 1 });
    expect(a!.score).toBeCloseTo((0.15 + (0.85 * top) / 2) / top, 4);
    expect(c!.score).toBeCloseTo(a!.score, 12);
  });

  it('TF-IDF weighs rare words', () => {
    const idf = jiebaIdf();
    expect(idf('手机')).toBeLessThan(idf('摄像头'));
    expect(idf('没有这个词啊')).toBeGreaterThan(0);
    expect(tfIdfKeywords(NEWS, { ...options, idf }).map((k) => k.word)).toContain('摄像头');
  });

  it('embeddings choose near words that differ', async () => {
    const vectors: Record<string, number[]> = { 手机: [1, 0], 摄像头: [0.99, 0.14], 电池: [0.6, 0.8] };
    const embed = async (texts: readonly string[]) => texts.map((text) => vectors[text] ?? [0.9, 0.436]);
    const words = () => Object.keys(vectors).map((word) => ({ word, tag: 'n' }));
    const found = await embeddingKeywords('x', { topK: 2, words, embed });
    expect(found.map((k) => k.word)).toEqual(['摄像头', '电池']);
  });

  it('leave out stop words, single characters, numbers; any text will do', async () => {
    const stopWords = new Set(['手机']);
    expect(textRankKeywords(NEWS, { ...options, stopWords }).map((k) => k.word)).not.toContain('手机');
    for (const text of ['', ' ', '的的的', '12345', '😀😀', '\u0000', 'GPT', '好'.repeat(3000)]) {
      for (const found of [
        textRankKeywords(text, options),
        tfIdfKeywords(text, { ...options, idf: jiebaIdf() }),
      ]) {
        for (const { word, score } of found) {
          expect([...word].length).toBeGreaterThan(1);
          expect(score).toBeGreaterThan(0);
        }
      }
    }
    // Equal but for case, and shown as written.
    expect(textRankKeywords('iPhone 和 IPHONE', options)).toEqual([{ word: 'iPhone', score: 1, count: 2 }]);
  });
});

describe('a dictionary of labels', () => {
  const dictionary = new LabelDictionary([
    { word: '微信', action: 'force', label: '广告' },
    { word: '微信支付', action: 'forbid', label: '广告' },
    { word: 'VPN', action: 'force', label: '违规' },
    { word: 'é店', action: 'force', label: '违规' },
  ]);
  const found = (text: string) =>
    dictionary.match(text).map((h) => `${h.action} ${text.slice(h.start, h.end)}`);

  it('finds the longest word, whatever its width and case', () => {
    expect(found('加微信，用微信支付')).toEqual(['force 微信', 'forbid 微信支付']);
    expect(found('ｖｐＮ和VPN')).toEqual(['force ｖｐＮ', 'force VPN']);
    expect(found('cafe\u0301店')).toEqual(['force e\u0301店']);
    expect(found('微 信')).toEqual([]);
  });

  it('places are those of the text, and words do not overlap', () => {
    const unit = fc.constantFrom('微', '信', '支', '付', 'v', 'Ｐ', 'N', '😀', 'ﬁ', 'é', '\u0301', ' ');
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 30 }), (units) => {
        const text = units.join('');
        let last = 0;
        for (const { start, end, word } of dictionary.match(text)) {
          expect(start).toBeGreaterThanOrEqual(last);
          const norm = (s: string) => s.normalize('NFKC').toLowerCase();
          expect(norm(text.slice(start, end))).toContain(norm(word));
          last = end;
        }
      }),
    );
  });

  it('forces and forbids; forcing wins', () => {
    const hits = dictionary.match('微信支付 vpn');
    expect(applyRules(['广告', '辱骂'], hits)).toEqual(['违规', '辱骂']);
    expect(applyRules([], dictionary.match('微信支付，加微信'))).toEqual(['广告']);
  });

  it('is read from a file, whose mistakes are told with their line', async () => {
    const path = join(folder, 'rules.tsv');
    writeFileSync(path, '# 词\t动作\t标签\n微信\tforce\t广告\n');
    expect((await LabelDictionary.read(path, ['广告'])).rules).toHaveLength(1);
    await expect(LabelDictionary.read(path, ['广吿'])).rejects.toThrow(
      /rules\.tsv, line 2: the label "广告"/,
    );
    writeFileSync(path, '微信\tadd\t广告\n');
    await expect(LabelDictionary.read(path)).rejects.toThrow(/line 1: expected a word, force or forbid/);
  });
});

describe('thresholds for a precision', () => {
  it('are the lowest that reach the floor', () => {
    const p = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4];
    const gold = [1, 1, 0, 1, 0, 0];
    expect(labelThresholds('a', p, gold, 0.9).chosen).toEqual({
      threshold: 0.8,
      precision: 1,
      recall: 2 / 3,
      rows: 2,
    });
    expect(labelThresholds('a', p, gold, 0.75).chosen).toMatchObject({
      threshold: 0.6,
      precision: 0.75,
      recall: 1,
    });
    expect(labelThresholds('a', p, [0, 0, 0, 0, 0, 1], 0.5).chosen).toBeNull();
    expect(labelThresholds('a', p, gold, 0.9).points.find((x) => x.threshold === 0.5)).toMatchObject({
      precision: 0.6,
      recall: 1,
      rows: 5,
    });
  });

  it('reach the floor, and no lower one has more recall', () => {
    const rows = fc.array(fc.tuple(fc.integer({ min: 0, max: 10 }), fc.boolean()), {
      minLength: 1,
      maxLength: 30,
    });
    fc.assert(
      fc.property(rows, fc.double({ min: 0.1, max: 1, noNaN: true }), (data, floor) => {
        const p = data.map(([v]) => v / 10);
        const gold = data.map(([, g]) => (g ? 1 : 0));
        const { chosen, support } = labelThresholds('a', p, gold, floor);
        const at = (t: number) => {
          const above = gold.filter((_, i) => p[i]! >= t);
          const hits = above.filter((g) => g === 1).length;
          return { precision: hits / above.length, recall: hits / support };
        };
        if (chosen) expect(chosen.precision).toBeGreaterThanOrEqual(floor);
        for (const t of new Set(p)) {
          const { precision, recall } = at(t);
          if (support > 0 && precision >= floor && recall > 0) {
            expect(chosen).not.toBeNull();
            expect(chosen!.recall).toBeGreaterThanOrEqual(recall);
          }
        }
      }),
    );
  });
});
