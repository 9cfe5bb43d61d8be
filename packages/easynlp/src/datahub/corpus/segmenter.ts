import { idf } from '@node-rs/jieba/dict.js';
import { jiebaOf } from '../../text/jieba.js';
import type { UserWord } from '../../text/user-word.js';

/** Cuts text into words; the words joined must give the text again. */
export interface Segmenter {
  readonly name: string;
  cut(text: string): string[];
}

export interface JiebaOptions {
  /** Words that jieba's own dictionary lacks or cuts apart; `readUserDictionary` reads them from a file. */
  readonly userDictionary?: readonly UserWord[];
}

/**
 * jieba's dictionary with its hidden Markov model for words that the dictionary lacks. With a user dictionary the name
 * carries its digest, so that what was cut with another one is known to be outdated.
 */
export function jiebaSegmenter({ userDictionary = [] }: JiebaOptions = {}): Segmenter {
  const { name, open } = jiebaOf(userDictionary);
  return { name, cut: (text) => open().cut(text, true) };
}

/**
 * Tells the words that jieba's own dictionary has; single characters and runs of letters and digits count as words. A
 * user dictionary that leaves them out keeps their frequencies, by which jieba cuts what can be cut in several ways.
 */
export function jiebaKnows(): (word: string) => boolean {
  const { open } = jiebaOf([]);
  return (word) => open().cut(word, false).length === 1;
}

/** A word with its part of speech in jieba's notation (n noun, v verb, nr person, eng Latin letters, …). */
export interface TaggedWord {
  readonly word: string;
  readonly tag: string;
}

/** The same with parts of speech. */
export function jiebaTagger({ userDictionary = [] }: JiebaOptions = {}): (text: string) => TaggedWord[] {
  const { open } = jiebaOf(userDictionary);
  return (text) => open().tag(text, true);
}

/** A word's inverse document frequency in jieba's table (258,826 words); those it lacks get the middle one's. */
export function jiebaIdf(): (word: string) => number {
  inverse ??= readIdf();
  const { values, middle } = inverse;
  return (word) => values.get(word) ?? middle;
}

function readIdf(): { values: Map<string, number>; middle: number } {
  const values = new Map<string, number>();
  for (const line of Buffer.from(idf).toString('utf8').split('\n')) {
    const at = line.lastIndexOf(' ');
    if (at > 0) values.set(line.slice(0, at), Number(line.slice(at + 1)));
  }
  const sorted = [...values.values()].sort((a, b) => a - b);
  return { values, middle: sorted[sorted.length >> 1] ?? 0 };
}
let inverse: ReturnType<typeof readIdf> | undefined;

/**
 * Sets `out[i]` to 1 where a word begins at UTF-16 position i of `text`, else to 0; `out` has at least
 * `text.length` elements. Where a segmenter breaks its promise (its words do not add up to the text), every
 * position counts as a beginning, so that masking falls back to single tokens.
 */
export function markWordStarts(text: string, words: readonly string[], out: Uint8Array): void {
  out.fill(0, 0, text.length);
  let at = 0;
  for (const word of words) {
    if (at < text.length) out[at] = 1;
    at += word.length;
  }
  if (at !== text.length) out.fill(1, 0, text.length);
}
