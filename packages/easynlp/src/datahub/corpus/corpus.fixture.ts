import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildVocab, Tokenizer } from '../../text/index.js';
import { Rng } from '../../util/index.js';
import { buildTokenCache } from './build-token-cache.js';
import type { TokenCacheHeader } from './token-format.js';

const WORDS =
  '今天 天气 很好 我们 一起 去 公园 散步 中华人民共和国 成立 了 苹果公司 发布 iPhone15 手机 价格 是 3.14 元'.split(
    ' ',
  );

/** Documents of random words; the same for the same seed. */
export function documents(count: number, seed: number): string[] {
  const rng = new Rng(seed);
  return Array.from({ length: count }, () => {
    const length = 5 + rng.int(60);
    return `${Array.from({ length }, () => WORDS[rng.int(WORDS.length)]!).join('')}。`;
  });
}

/** A token cache of the sources `big` (400 documents) and `small` (60) in `folder`/cache. */
export async function sampleCache(
  folder: string,
  options: { heldOut?: number; segmenter?: null } = {},
): Promise<{ out: string; header: TokenCacheHeader; tokenizer: Tokenizer }> {
  const big = documents(400, 1);
  const small = documents(60, 2);
  writeFileSync(join(folder, 'big.txt'), big.join('\n'));
  writeFileSync(join(folder, 'small.txt'), small.join('\n\n'));
  const tokenizer = Tokenizer.fromVocab(await buildVocab([...big, ...small], { minFrequency: 1 }));
  const out = join(folder, 'cache');
  const header = await buildTokenCache({
    sources: [
      { name: 'big', path: join(folder, 'big.txt'), layout: 'auto' },
      { name: 'small', path: join(folder, 'small.txt'), layout: 'auto' },
    ],
    tokenizer,
    out,
    heldOut: options.heldOut ?? 0.1,
    overwrite: true,
    ...('segmenter' in options ? { segmenter: options.segmenter } : {}),
  });
  return { out, header, tokenizer };
}
