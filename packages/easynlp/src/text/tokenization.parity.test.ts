import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { testData } from './test-data.fixture.js';
import { type Digest, digestRows, selectRows } from './tokenization-digest.fixture.js';
import { Tokenizer } from './tokenizer.js';

const data = testData();
const fixture = fileURLToPath(new URL('./fixtures/tokenization-digest.json', import.meta.url));
const expected = existsSync(fixture)
  ? (JSON.parse(readFileSync(fixture, 'utf8')) as Record<string, Digest>)
  : null;

// Without the data (EASYNLP_TEST_DATA or ../shared/data) or the digest made by scripts/oracle there is nothing to compare.
describe.skipIf(data === null)('tokenization of 10,000 real lines', () => {
  const tokenizer = async () => {
    const text = await readFile(join(data!, 'tokenizers', 'bert_base_chinese_vocab_21128.txt'), 'utf8');
    return Tokenizer.fromVocab(text.trimEnd().split('\n'));
  };

  it('selects 5,000 texts and 5,000 pairs, some of which are cut', async () => {
    const { single, pairs, longPairs } = await selectRows(data!);
    expect([single.length, pairs.length, longPairs.length]).toEqual([5000, 4000, 1000]);
    expect(single.every((row) => typeof row === 'string' && row !== '')).toBe(true);
    const digest = await digestRows(await tokenizer(), longPairs);
    expect(digest.tokens).toBeGreaterThan(100_000);
    expect(digest.tokens).toBeLessThanOrEqual(128_000);
  });

  it.skipIf(expected === null)('equals that of transformers', async () => {
    const { single, pairs, longPairs } = await selectRows(data!);
    const bert = await tokenizer();
    expect(await digestRows(bert, single)).toEqual(expected!.single);
    expect(await digestRows(bert, pairs)).toEqual(expected!.pairs);
    expect(await digestRows(bert, longPairs)).toEqual(expected!.longPairs);
    expect(await digestRows(bert, [...single, ...pairs, ...longPairs])).toEqual(expected!.all);
  });
});
