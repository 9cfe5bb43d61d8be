import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrainConfig } from '../config/index.js';
import { sha256 } from './checkpoint.js';

/** What tells one data file from another: a row that was edited need not change the size. */
export async function dataFacts(
  { train, dev, userDictionary }: TrainConfig,
  others: readonly string[] = [],
): Promise<Record<string, unknown>> {
  const of = async (path: string) => {
    // Several corpus files or a pattern: the token cache made of them knows whether they changed.
    const facts = await stat(path).catch(() => null);
    if (facts === null) return [null, null];
    if (!facts.isDirectory()) return [facts.size, await sha256(path)];
    // A corpus folder can be large: names and sizes of its files stand for it.
    const names = (await readdir(path)).sort();
    const sizes = await Promise.all(names.map(async (name) => [name, (await stat(join(path, name))).size]));
    return [sizes.reduce((sum, [, size]) => sum + Number(size), 0), JSON.stringify(sizes)];
  };
  const [trainBytes, trainSha256] = await of(train);
  const [devBytes, devSha256] = dev === undefined ? [null, null] : await of(dev);
  const facts = { train, trainBytes, trainSha256, dev: dev ?? null, devBytes, devSha256 };
  // Other words would make other tokens.
  const files = userDictionary === undefined ? others : [...others, userDictionary];
  const sums = await Promise.all(files.map(async (path) => [`sha256 of ${path}`, (await of(path))[1]]));
  return { ...facts, ...Object.fromEntries(sums) };
}
