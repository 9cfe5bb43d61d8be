import type { BenchmarkEngine } from './types.js';

/** Common characters that hardly stand in an idiom. */
const STAND_INS = ['某', '您', '哪', '吗', '咱', '啦'];

/**
 * Words in which characters that the model's tokenizer lacks are replaced by others, no two words alike: idioms hold
 * rare characters, and FewCLUE's baselines score [UNK] in their place.
 */
export async function knownWords(
  engine: BenchmarkEngine,
  model: string,
  words: readonly string[],
): Promise<readonly string[]> {
  const characters = [...new Set(words.flatMap((word) => Array.from(word)))];
  const unknown = new Set(await engine.unknownCharacters?.(model, [...characters, ...STAND_INS]));
  if (!characters.some((c) => unknown.has(c))) return words;
  const others = [...STAND_INS, ...characters].filter((c) => !unknown.has(c));
  const taken = new Set(words);
  return words.map((word) => {
    const parts = Array.from(word);
    if (!parts.some((c) => unknown.has(c))) return word;
    const spellings = others.map((other) => parts.map((c) => (unknown.has(c) ? other : c)).join(''));
    const free = spellings.find((spelling) => !taken.has(spelling)) ?? word;
    taken.add(free);
    return free;
  });
}
