/** A word for the segmentation. */
export interface UserWord {
  readonly word: string;
  /** As in jieba's dictionary, whose words have 60 million in all; by default as likely as needed to stay whole. */
  readonly frequency?: number;
  /** Part of speech in jieba's notation; noun by default. */
  readonly tag?: string;
}

/**
 * A line of a user dictionary: a word, then a frequency and a part of speech if wanted, separated by blanks. Null where
 * the line is empty or begins with #; a text says what is wrong with it.
 */
export function parseUserWord(given: string): UserWord | string | null {
  const line = given.trim();
  if (line === '' || line.startsWith('#')) return null;
  const [word, ...rest] = line.split(/\s+/) as [string, ...string[]];
  const frequency = rest.length > 0 && /^\d+$/.test(rest[0]!) ? Number(rest.shift()) : undefined;
  const tag = rest.length > 0 && /^[a-z]{1,4}$/i.test(rest[0]!) ? rest.shift() : undefined;
  if (frequency === 0) return 'a frequency of 0';
  if (rest.length > 0) return `"${rest.join(' ')}" is neither frequency nor part of speech`;
  return {
    word,
    ...(frequency === undefined ? {} : { frequency }),
    ...(tag === undefined ? {} : { tag }),
  };
}

/** A user dictionary's line of a word. */
export function formatUserWord({ word, frequency, tag }: UserWord): string {
  return [word, frequency, tag].filter((part) => part !== undefined).join(' ');
}

/** Two dictionaries in one; of a word that both have, the second's entry counts. */
export function joinUserWords(one: readonly UserWord[], other: readonly UserWord[]): readonly UserWord[] {
  if (one.length === 0 || other.length === 0) return one.length === 0 ? other : one;
  return [...new Map([...one, ...other].map((entry) => [entry.word, entry])).values()];
}
