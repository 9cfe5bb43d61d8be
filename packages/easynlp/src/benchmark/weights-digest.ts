import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Digest of the weight files of a model folder; null where there are none. Names and times of files change nothing. */
export async function weightsDigest(folder: string): Promise<string | null> {
  const names = existsSync(folder)
    ? readdirSync(folder).filter((name) => /\.(safetensors|bin)$/.test(name))
    : [];
  if (names.length === 0) return null;
  const hash = createHash('sha256');
  for (const name of names.sort()) {
    for await (const chunk of createReadStream(join(folder, name))) hash.update(chunk as Buffer);
  }
  return hash.digest('hex').slice(0, 16);
}
