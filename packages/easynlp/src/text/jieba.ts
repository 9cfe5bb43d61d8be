import { createHash } from 'node:crypto';
import { Jieba } from '@node-rs/jieba';
import { dict } from '@node-rs/jieba/dict.js';
import type { UserWord } from './user-word.js';

/** More likely than any two words of jieba's dictionary together: what people enter is meant to stay whole. */
const LIKELY = 1_000_000;

/** Reading the dictionary takes a third of a second and its instance has no state beside the words. */
const instances = new Map<string, Jieba>();

/**
 * jieba with its own dictionary and `words`; read on the first use. With words the name carries their digest, so that
 * what was cut with others is known to be outdated.
 */
export function jiebaOf(words: readonly UserWord[]): { name: string; open: () => Jieba } {
  const lines = words
    .map(({ word, frequency, tag }) => `${word} ${frequency ?? LIKELY} ${tag ?? 'n'}\n`)
    .join('');
  const digest = () => createHash('sha256').update(lines).digest('hex').slice(0, 12);
  const name = lines === '' ? 'jieba' : `jieba+${digest()}`;
  return {
    name,
    open() {
      const known = instances.get(name);
      if (known) return known;
      const jieba = Jieba.withDict(dict);
      if (lines !== '') jieba.loadDict(Buffer.from(lines));
      instances.set(name, jieba);
      return jieba;
    },
  };
}
