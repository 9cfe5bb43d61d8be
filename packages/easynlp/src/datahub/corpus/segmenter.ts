import { Jieba } from '@node-rs/jieba';
import { dict } from '@node-rs/jieba/dict.js';

/** Cuts text into words; the words joined must give the text again. */
export interface Segmenter {
  readonly name: string;
  cut(text: string): string[];
}

/** jieba's dictionary with its hidden Markov model for words that the dictionary lacks. */
export function jiebaSegmenter(): Segmenter {
  shared ??= Jieba.withDict(dict);
  const jieba = shared;
  return { name: 'jieba', cut: (text) => jieba.cut(text, true) };
}

/** Reading the dictionary takes a third of a second and its instance has no state. */
let shared: Jieba | undefined;

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
