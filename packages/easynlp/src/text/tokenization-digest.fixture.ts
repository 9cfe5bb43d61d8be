import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { TextInput, Tokenizer } from './tokenizer.js';

export interface Digest {
  readonly rows: number;
  readonly tokens: number;
  readonly ids: string;
  readonly typeIds: string;
}

/** The same 10,000 rows as scripts/oracle/tokenization_digest.py selects; see there for the rule. */
export async function selectRows(data: string): Promise<{
  single: TextInput[];
  pairs: TextInput[];
  longPairs: TextInput[];
}> {
  const reviews = (await lines(join(data, 'chnsenticorp', 'train.tsv')))
    .slice(1)
    .map((line) => line.split('\t')[1]!);
  const titles = (await lines(join(data, 'tnews', 'train.json.gz')))
    .slice(0, 2000)
    .map((line) => (JSON.parse(line) as { sentence: string }).sentence);
  const pairs = (await lines(join(data, 'afqmc', 'train.txt')))
    .slice(0, 4000)
    .map((line) => line.split('\t').slice(0, 2) as [string, string]);
  const longPairs = Array.from({ length: 1000 }, (_, i): [string, string] => [
    reviews[3000 + 2 * i]!,
    reviews[3001 + 2 * i]!,
  ]);
  return { single: [...reviews.slice(0, 3000), ...titles], pairs, longPairs };
}

/** SHA-256 over length and ids of every row, little-endian int32; the same for the token types. */
export async function digestRows(tokenizer: Tokenizer, rows: readonly TextInput[]): Promise<Digest> {
  const ids = createHash('sha256');
  const typeIds = createHash('sha256');
  let tokens = 0;
  for (const encoding of await tokenizer.encodeBatch(rows, { maxLength: 128 })) {
    for (const [hash, values] of [
      [ids, encoding.ids],
      [typeIds, encoding.typeIds],
    ] as const) {
      const bytes = new DataView(new ArrayBuffer(4 * (values.length + 1)));
      bytes.setInt32(0, values.length, true);
      for (const [i, value] of values.entries()) bytes.setInt32(4 * (i + 1), value, true);
      hash.update(bytes);
    }
    tokens += encoding.length;
  }
  return { rows: rows.length, tokens, ids: ids.digest('hex'), typeIds: typeIds.digest('hex') };
}

async function lines(path: string): Promise<string[]> {
  const bytes = await readFile(path);
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  return text
    .split('\n')
    .map((line) => line.replace(/\r$/, ''))
    .filter((line) => line !== '');
}
