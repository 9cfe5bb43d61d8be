import { EasyNlpError } from '../errors/index.js';

export interface BuildVocabOptions {
  /** Greatest number of tokens, special ones included. Default 8000. */
  readonly size?: number;
  /** Characters and pieces seen less often are left out. Default 2. */
  readonly minFrequency?: number;
  /** Must agree with the tokenizer's `doLowerCase`. Default true. */
  readonly doLowerCase?: boolean;
  readonly specialTokens?: readonly string[];
}

export const BERT_SPECIAL_TOKENS: readonly string[] = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];

/** Distinct Latin words kept while counting; rarer ones are dropped when the table overflows. */
const WORD_LIMIT = 500_000;

// What BERT's pre-tokenizer makes a token of its own: its ranges of CJK ideographs, and punctuation (ASCII symbols included).
const ALONE =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}\p{P}$+<=>^`|~]/u;
const BLANK = /[\p{Z}\t\n\r]/u;
/** Its normalizer drops these without a trace. */
const DROPPED = /[\p{C}\ufffd]/u;

/**
 * A WordPiece vocabulary from the texts themselves, so that a model can be trained from scratch: special
 * tokens, every frequent character (Chinese text needs no more), and frequent pieces of Latin words and
 * numbers, which are found by merging the most frequent neighbours (Sennrich et al. 2016). The result depends
 * on the counts only, not on the order of the texts. Memory: one counter per character and distinct word.
 *
 * @returns tokens by id, for `Tokenizer.fromVocab`. Throws DATA_TOKENIZER when `size` is too small.
 */
export async function buildVocab(
  texts: AsyncIterable<string> | Iterable<string>,
  options: BuildVocabOptions = {},
): Promise<string[]> {
  const size = options.size ?? 8000;
  const minFrequency = options.minFrequency ?? 2;
  const special = options.specialTokens ?? BERT_SPECIAL_TOKENS;
  if (!Number.isInteger(size) || size <= special.length) {
    throw new EasyNlpError('DATA_TOKENIZER', {
      file: 'vocabulary',
      reason: `a size of ${size} leaves no room beside ${special.length} special tokens`,
    });
  }
  const counts = await count(texts, options.doLowerCase ?? true);
  const ranked = (entries: Iterable<[string, number]>) =>
    Array.from(entries)
      .filter(([, n]) => n >= minFrequency)
      .sort((a, b) => b[1] - a[1] || compare(a[0], b[0]))
      .map(([token]) => token);

  const words = Array.from(counts.words).sort((a, b) => compare(a[0], b[0]));
  const letters = countLetters(words);
  // A word's letters must all be known, or the whole word is unknown: characters first, pieces in what is left.
  const all = new Map(counts.alone);
  for (const [token, n] of letters) all.set(token, (all.get(token) ?? 0) + n);
  const characters = ranked(all);
  const tokens = new Set<string>(special);
  for (const token of characters.slice(0, size - tokens.size)) tokens.add(token);
  for (const token of mergePieces(words, minFrequency, tokens, size - tokens.size)) tokens.add(token);
  return Array.from(tokens);
}

/** What a corpus holds: characters that are always a token of their own, and words that WordPiece cuts. */
export interface Counts {
  readonly alone: Map<string, number>;
  readonly words: Map<string, number>;
}

/** Counts characters and words as BERT's normalizer and pre-tokenizer cut them. */
export async function count(
  texts: AsyncIterable<string> | Iterable<string>,
  lower: boolean,
): Promise<Counts> {
  const counts: Counts = { alone: new Map(), words: new Map() };
  const add = (map: Map<string, number>, key: string) => map.set(key, (map.get(key) ?? 0) + 1);
  let floor = 1;
  for await (const text of texts) {
    let word = '';
    for (const character of normalize(text, lower)) {
      if (ALONE.test(character)) {
        if (word !== '') add(counts.words, word);
        word = '';
        add(counts.alone, character);
      } else if (BLANK.test(character)) {
        if (word !== '') add(counts.words, word);
        word = '';
      } else if (!DROPPED.test(character)) {
        word += character;
      }
    }
    if (word !== '') add(counts.words, word);
    while (counts.words.size > WORD_LIMIT) {
      for (const [key, n] of counts.words) if (n <= floor) counts.words.delete(key);
      floor++;
    }
  }
  return counts;
}

/** As BERT's normalizer: lower case, accents off. */
function normalize(text: string, lower: boolean): string {
  return lower
    ? text
        .normalize('NFD')
        .replace(/\p{Mn}/gu, '')
        .toLowerCase()
    : text;
}

/** The first letter of a word stands plain, later ones with `##`, as WordPiece looks them up. */
function splitWord(word: string): string[] {
  return Array.from(word, (letter, i) => (i === 0 ? letter : `##${letter}`));
}

/** The letters of `words` in both forms, plain and `##`, by how often each is needed. */
export function countLetters(words: readonly (readonly [string, number])[]): Map<string, number> {
  const letters = new Map<string, number>();
  for (const [word, n] of words) {
    for (const piece of splitWord(word)) letters.set(piece, (letters.get(piece) ?? 0) + n);
  }
  return letters;
}

interface Word {
  pieces: string[];
  readonly count: number;
}

/** At most `limit` merged pieces that are not in `known`, most frequent first; only those that `allow` lets pass. */
export function mergePieces(
  entries: readonly (readonly [string, number])[],
  minFrequency: number,
  known: ReadonlySet<string>,
  limit: number,
  allow: (piece: string) => boolean = () => true,
): string[] {
  const words: Word[] = [];
  for (const [word, n] of entries) {
    const pieces = splitWord(word);
    // The tokenizer gives up on words of more than 100 characters.
    if (n >= minFrequency && pieces.length > 1 && pieces.length <= 100) words.push({ pieces, count: n });
  }
  const pairs = new Map<string, { count: number; words: Set<Word> }>();
  const track = (word: Word, sign: 1 | -1) => {
    for (let i = 0; i + 1 < word.pieces.length; i++) {
      const key = `${word.pieces[i]}\0${word.pieces[i + 1]}`;
      let entry = pairs.get(key);
      if (entry === undefined) {
        entry = { count: 0, words: new Set() };
        pairs.set(key, entry);
      }
      entry.count += sign * word.count;
      if (sign === 1) entry.words.add(word);
    }
  };
  for (const word of words) track(word, 1);

  const merged = new Set<string>();
  while (merged.size < limit) {
    let best: string | null = null;
    let most = Math.max(2, minFrequency) - 1;
    for (const [key, entry] of pairs) {
      if (entry.count > most || (entry.count === most && best !== null && compare(key, best) < 0)) {
        best = key;
        most = entry.count;
      }
    }
    if (best === null) break;
    const [left, right] = best.split('\0') as [string, string];
    const piece = left + right.slice(2);
    if (!allow(piece)) {
      pairs.get(best)!.count = Number.NEGATIVE_INFINITY;
      continue;
    }
    const affected = pairs.get(best)!.words;
    for (const word of affected) {
      track(word, -1);
      word.pieces = join(word.pieces, left, right, piece);
      track(word, 1);
    }
    pairs.delete(best);
    if (!known.has(piece)) merged.add(piece);
  }
  return Array.from(merged);
}

function join(pieces: readonly string[], left: string, right: string, piece: string): string[] {
  const result: string[] = [];
  for (let i = 0; i < pieces.length; i++) {
    if (pieces[i] === left && pieces[i + 1] === right) {
      result.push(piece);
      i++;
    } else {
      result.push(pieces[i]!);
    }
  }
  return result;
}

/** By code units, as no locale may change a vocabulary. */
export function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
