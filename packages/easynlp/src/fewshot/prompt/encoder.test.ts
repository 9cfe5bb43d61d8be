import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { Tokenizer } from '../../text/index.js';
import { PromptEncoder, TOKEN_KIND } from './encoder.js';
import { mappedWords, readLabelWords, tokenizeWords } from './label-words.js';
import { parsePattern } from './pattern.js';
import { longestFirst } from './truncate.js';

const chinese = [...'今天气好坏不错差糟用概括是棒的，。'];
const english = ['it', 'was', 'great', 'terrible', 'a', 'fine', 'film', '.', ',', '##s'];
const tokenizer = Tokenizer.fromVocab(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...chinese, ...english]);
const pattern = (source: string) => parsePattern(source, { columns: ['a', 'b', 'label'], label: 'label' });
const tokens = (ids: Int32Array) => Array.from(ids, (id) => tokenizer.idToToken(id)).join(' ');
const text = fc.array(fc.constantFrom(...chinese), { maxLength: 30 }).map((list) => list.join(''));

describe('prompted texts', () => {
  it('have [CLS], the pieces, the [MASK] block and [SEP]', async () => {
    const encoder = await PromptEncoder.create({
      pattern: pattern('"It was ",label,". ",a'),
      tokenizer,
      sequenceLength: 16,
      blocks: [1, 2],
    });
    const [[one, two]] = (await encoder.encode([['a fine film']])) as [never];
    const { ids, masks, kinds, typeIds } = one as Awaited<ReturnType<typeof encoder.encode>>[0][0];
    expect(tokens(ids)).toBe('[CLS] it was [MASK] . a fine film [SEP]');
    expect([...masks]).toEqual([3]);
    expect([...kinds]).toEqual([0, 1, 1, 3, 1, 2, 2, 2, 0]);
    expect(typeIds).toBeNull();
    expect(tokens((two as typeof one & { ids: Int32Array }).ids)).toBe(
      '[CLS] it was [MASK] [MASK] . a fine film [SEP]',
    );
  });

  it('end without [SEP] as in EasyNLP, and have a second segment behind <sep>', async () => {
    const plain = await PromptEncoder.create({
      pattern: pattern('a,label,用,b,概括。'),
      tokenizer,
      sequenceLength: 16,
      sep: false,
    });
    expect(tokens((await plain.encode([['今天', '天气']]))[0]![0]!.ids)).toBe(
      '[CLS] 今 天 [MASK] 用 天 气 概 括 。',
    );
    const pair = await PromptEncoder.create({
      pattern: pattern('a,<sep>,label,b'),
      tokenizer,
      sequenceLength: 16,
    });
    const [[sequence]] = await pair.encode([['今天', '天气']]);
    expect(tokens(sequence!.ids)).toBe('[CLS] 今 天 [SEP] [MASK] 天 气 [SEP]');
    expect([...sequence!.typeIds!]).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
  });

  it('are cut so that the prompt stays whole and as much text as possible', async () => {
    const encoders = new Map<number, PromptEncoder>();
    const source = 'a,<pseudo>,label,用,b,<pseudo>,概括。';
    await fc.assert(
      fc.asyncProperty(
        text,
        text,
        fc.integer({ min: 13, max: 40 }),
        fc.integer({ min: 1, max: 3 }),
        async (a, b, sequenceLength, block) => {
          const key = sequenceLength * 4 + block;
          const encoder =
            encoders.get(key) ??
            (await PromptEncoder.create({
              pattern: pattern(source),
              tokenizer,
              sequenceLength,
              blocks: [block],
            }));
          encoders.set(key, encoder);
          const [[sequence]] = await encoder.encode([[a, b]]);
          const { ids, kinds, masks, pseudo } = sequence!;
          const whole = 1 + 2 + block + 4 + 1;
          expect(ids.length).toBe(Math.min(sequenceLength, whole + a.length + b.length));
          const of = (kind: number) => ids.filter((_, i) => kinds[i] === kind);
          expect(tokens(of(TOKEN_KIND.prompt))).toBe('用 概 括 。');
          expect(masks).toHaveLength(block);
          for (const position of masks) expect(ids[position]).toBe(tokenizer.maskId);
          expect(pseudo).toHaveLength(2);
          for (const position of pseudo) expect(kinds[position]).toBe(TOKEN_KIND.pseudo);
          // Both texts are beginnings of what was given, and the longer one was cut first.
          const kept = longestFirst([a.length, b.length], sequenceLength - whole);
          expect(tokens(of(TOKEN_KIND.text)).replaceAll(' ', '')).toBe(
            a.slice(0, kept[0]) + b.slice(0, kept[1]),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  it('need a place for the texts', async () => {
    const create = PromptEncoder.create({
      pattern: pattern('a,label,用,b,概括。'),
      tokenizer,
      sequenceLength: 8,
    });
    await expect(create).rejects.toMatchObject({
      code: 'PROMPT_TOO_LONG',
      message: expect.stringContaining('takes 7 of the 8 tokens'),
    });
  });
});

describe('cutting the longest first', () => {
  it('is what taking one token after another from the longest gives', () => {
    const slowly = (lengths: readonly number[], budget: number) => {
      const left = [...lengths];
      while (left.reduce((a, b) => a + b, 0) > budget) left[left.lastIndexOf(Math.max(...left))]!--;
      return left;
    };
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 4 }),
        fc.nat({ max: 100 }),
        (lengths, budget) => {
          expect(longestFirst(lengths, budget)).toEqual(slowly(lengths, budget));
        },
      ),
    );
  });
});

describe('label words', () => {
  const folder = mkdtempSync(join(tmpdir(), 'easynlp-words-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const labels = ['neg', 'pos'];

  it('come as a list in the order of the labels, or from a JSON or YAML file', async () => {
    const expected = [
      ['差', '糟'],
      ['好', '棒', '不错'],
    ];
    expect(await readLabelWords(['差|糟', '好|棒| 不错'], labels)).toEqual(expected);
    const json = join(folder, 'words.json');
    writeFileSync(json, JSON.stringify({ pos: ['好', '棒', '不错'], neg: ['差', '糟'] }));
    expect(await readLabelWords(json, labels)).toEqual(expected);
    const yaml = join(folder, 'words.yaml');
    writeFileSync(yaml, 'neg: [差, 糟]\npos:\n  - 好\n  - 棒\n  - 不错\n');
    expect(await readLabelWords(yaml, labels)).toEqual(expected);
  });

  it('are refused where they do not fit the labels', async () => {
    await expect(readLabelWords(['好'], labels)).rejects.toThrow('1 entries for the 2 labels');
    await expect(readLabelWords('好', labels)).rejects.toThrow('one entry for 2 labels, and no file');
    await expect(readLabelWords(['好|', '差'], labels)).rejects.toThrow('an empty word for the label neg');
    expect(() => mappedWords({ pos: '好' }, labels)).toThrow('none for neg');
    expect(() => mappedWords({ pos: '好', neg: '差', more: '糟' }, labels)).toThrow('no label more');
  });

  it('must be known to the tokenizer, and belong to one label', async () => {
    const words = await tokenizeWords([['差'], ['好', '不错']], labels, tokenizer);
    expect(words.map(({ label, ids }) => [label, ids.length])).toEqual([
      [0, 1],
      [1, 1],
      [1, 2],
    ]);
    await expect(tokenizeWords([['驴'], ['好']], labels, tokenizer)).rejects.toThrow('"驴" of the label neg');
    await expect(tokenizeWords([['Great'], ['great']], labels, tokenizer)).rejects.toThrow('the same tokens');
  });
});
