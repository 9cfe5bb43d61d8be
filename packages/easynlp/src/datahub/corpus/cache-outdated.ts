import { stat } from 'node:fs/promises';
import type { Tokenizer } from '../../text/index.js';
import { vocabularyHash } from './build-token-cache.js';
import type { CorpusSource } from './sources.js';
import type { TokenCache } from './token-cache.js';

/**
 * What makes `cache` differ from one that would be built now, in words for a log line ("the file of news
 * changed"), or null when it can be used: same vocabulary, held-out share, sources in order, and file sizes.
 */
export async function cacheOutdated(
  cache: TokenCache,
  now: {
    readonly sources: readonly CorpusSource[];
    readonly tokenizer: Tokenizer;
    readonly heldOut: number;
    /** Default 'jieba'. */
    readonly segmenter?: string;
  },
): Promise<string | null> {
  const { header } = cache;
  if (header.vocabulary !== vocabularyHash(now.tokenizer)) return 'the vocabulary is another';
  if (header.heldOut !== now.heldOut) return `the share held out was ${header.heldOut}`;
  if (header.segmenter !== (now.segmenter ?? 'jieba')) return `words were found by ${header.segmenter}`;
  const before = header.sources.map(({ name }) => name).join(', ');
  const after = now.sources.map(({ name }) => name).join(', ');
  if (before !== after) return `its sources are ${before}`;
  for (const [i, { name, path }] of now.sources.entries()) {
    if ((await stat(path)).size !== header.sources[i]!.bytes) return `the file of ${name} changed`;
  }
  return null;
}
