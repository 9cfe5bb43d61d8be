import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Tokenizer } from './tokenizer.js';

/*
 * scripts/oracle/bpe_fixture.py had transformers 5.17 (RobertaTokenizer) compute the expected ids and offsets, with: the
 * special tokens, the 256 characters that stand for bytes in code point order, the merges, the mask.
 */
interface Case {
  readonly text: string;
  readonly pair?: string;
  readonly ids: number[];
  readonly offsets?: [number, number][];
}
const { merges, cases } = JSON.parse(
  readFileSync(new URL('./fixtures/byte-level-bpe.json', import.meta.url), 'utf8'),
) as { merges: string[]; cases: Case[] };

/** GPT-2's stand-ins for the 256 bytes: printable ones for themselves, the others from U+0100 on. */
function byteCharacters(): string[] {
  const own = (b: number) => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, b) => String.fromCodePoint(own(b) ? b : next++)).sort();
}

const folder = mkdtempSync(join(tmpdir(), 'easynlp-bpe-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const tokens = [
  ...['<s>', '<pad>', '</s>', '<unk>'],
  ...byteCharacters(),
  ...merges.map((m) => m.replace(' ', '')),
  '<mask>',
];
const vocabulary = Object.fromEntries(tokens.map((token, id) => [token, id]));
writeFileSync(join(folder, 'vocab.json'), JSON.stringify(vocabulary));
writeFileSync(join(folder, 'merges.txt'), `#version: 0.2\n${merges.join('\n')}\n`);

describe('RoBERTa’s byte-level BPE from vocab.json and merges.txt', () => {
  it.each(cases)('encodes $text as transformers does', async ({ text, pair, ids, offsets }) => {
    const tokenizer = await Tokenizer.fromFolder(folder);
    const encoding = await tokenizer.encode(text, pair);
    expect([...encoding.ids]).toEqual(ids);
    expect(new Set(encoding.typeIds)).toEqual(new Set([0]));
    if (!offsets) return;
    // Python counts code points, JavaScript UTF-16 code units.
    const characters = [...text];
    const units = Array.from(
      { length: characters.length + 1 },
      (_, i) => characters.slice(0, i).join('').length,
    );
    expect(encoding.offsets).toEqual(offsets.map(([a, b]) => [units[a], units[b]]));
  });

  it('knows its special tokens, gives texts back and survives being saved', async () => {
    const tokenizer = await Tokenizer.fromFolder(folder);
    expect([tokenizer.padId, tokenizer.clsId, tokenizer.sepId, tokenizer.unkId]).toEqual([1, 0, 2, 3]);
    expect(tokenizer.maskId).toBe(tokens.length - 1);
    const text = "Hello the 世界 🙂 word's";
    expect(await tokenizer.decode((await tokenizer.encode(text)).ids)).toBe(text);
    const saved = join(folder, 'saved');
    await tokenizer.save(saved);
    const again = await Tokenizer.fromFolder(saved);
    for (const { text: t, pair, ids } of cases) expect([...(await again.encode(t, pair)).ids]).toEqual(ids);
  });

  it.each([
    ['merges.txt', 'a b\nHello\n', /merges\.txt.*line 2/],
    ['vocab.json', '{"<s>": "0"}', /"<s>" has no number/],
    ['vocab.json', '{"a": 0}', /lacks a token for: unk, sep, pad, cls, mask/],
  ])('refuses a wrong %s', async (name, content, message) => {
    const wrong = mkdtempSync(join(folder, 'wrong-'));
    writeFileSync(join(wrong, 'vocab.json'), JSON.stringify(vocabulary));
    writeFileSync(join(wrong, 'merges.txt'), merges.join('\n'));
    writeFileSync(join(wrong, name), content);
    await expect(Tokenizer.fromFolder(wrong)).rejects.toThrow(message);
  });

  it('says what to do with a SentencePiece model alone', async () => {
    const only = mkdtempSync(join(folder, 'pieces-'));
    writeFileSync(join(only, 'spm.model'), '');
    await expect(Tokenizer.fromFolder(only)).rejects.toThrow(/spm\.model is a SentencePiece model/);
  });
});
