import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { codePointBoundaries } from './offsets.js';
import { testData } from './test-data.fixture.js';
import { type Digest, digestRows, selectRows } from './tokenization-digest.fixture.js';
import { Tokenizer } from './tokenizer.js';

interface Expected {
  readonly single: Digest;
  readonly pairs: Digest;
  readonly longPairs: Digest;
  /** Tokens with their places in code points. */
  readonly sentences: readonly { text: string; tokens: readonly (readonly [string, number, number])[] }[];
}

const data = testData();
const vocabulary = data && join(data, 'tokenizers', 'wobert_vocab_33586.txt');
const fixture = fileURLToPath(new URL('./fixtures/word-tokenization.json', import.meta.url));
const expected = JSON.parse(readFileSync(fixture, 'utf8')) as Expected;

// Made by scripts/oracle/word_tokenization.py; the vocabulary is among the data (EASYNLP_TEST_DATA or ../shared/data).
describe.skipIf(vocabulary === null || !existsSync(vocabulary))(
  'tokenization into the words of WoBERT',
  () => {
    const tokenizer = async () => {
      const text = await readFile(vocabulary!, 'utf8');
      return Tokenizer.fromVocab(text.replace(/\n$/, '').split('\n'), { wordSegmenter: 'jieba' });
    };

    it('equals that of the reference and of transformers on 10,000 real lines', async () => {
      const { single, pairs, longPairs } = await selectRows(data!);
      const words = await tokenizer();
      expect(await digestRows(words, single)).toEqual(expected.single);
      expect(await digestRows(words, pairs)).toEqual(expected.pairs);
      expect(await digestRows(words, longPairs)).toEqual(expected.longPairs);
    });
  },
);

it('tokenizes made-up sentences as the reference, with the place of every token', async () => {
  // A vocabulary of the tokens that the reference found gives the same ones as the whole.
  const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
  const found = expected.sentences.flatMap(({ tokens }) => tokens.map(([token]) => token));
  const words = Tokenizer.fromVocab([...new Set([...special, ...found])], { wordSegmenter: 'jieba' });
  for (const { text, tokens } of expected.sentences) {
    const encoding = await words.encode(text, null, { addSpecialTokens: false });
    const places = codePointBoundaries(text);
    const unit = (at: number) => places?.[at] ?? at;
    expect(encoding.tokens.map((token, i) => [token, ...encoding.offsets[i]!])).toEqual(
      tokens.map(([token, start, end]) => [token, unit(start), unit(end)]),
    );
  }
});
