import { jiebaSegmenter, markWordStarts, type UserWord } from '../../datahub/corpus/index.js';
import type { Encoding } from '../../text/index.js';
import { type Rng, shuffle } from '../../util/index.js';

/** A masked token and the part of the text that it stands for. */
export interface MaskedToken {
  /** Position among the tokens. */
  readonly at: number;
  readonly id: number;
  /** 0 for the first text, 1 for the second. */
  readonly sequence: 0 | 1;
  /** UTF-16 code units in its text. */
  readonly start: number;
  readonly end: number;
}

/** More are never masked in one text, as in EasyNLP. */
const MOST_WORDS = 128;

/** Words of the texts as runs of tokens; punctuation and unknown characters are not among them. */
export function wordsOf(
  encoding: Encoding,
  texts: readonly string[],
  unknown: number,
  userDictionary: readonly UserWord[] = [],
): MaskedToken[][] {
  const cut = jiebaSegmenter({ userDictionary });
  const starts = texts.map((text) => {
    const marks = new Uint8Array(text.length + 1);
    markWordStarts(text, cut.cut(text), marks);
    return marks;
  });
  const { ids, offsets, sequenceIds, tokens } = encoding;
  const words: MaskedToken[][] = [];
  let open: MaskedToken[] | null = null;
  for (let at = 0; at < ids.length; at++) {
    const sequence = sequenceIds[at];
    const [start, end] = offsets[at]!;
    const maskable =
      sequence !== null &&
      sequence !== undefined &&
      ids[at] !== unknown &&
      /[\p{L}\p{N}]/u.test(texts[sequence]!.slice(start, end));
    if (!maskable) {
      open = null;
      continue;
    }
    const token: MaskedToken = { at, id: ids[at]!, sequence, start, end };
    // A piece belongs to its word whatever jieba thinks, which may cut inside of a Latin word.
    const piece = tokens[at]!.startsWith('##');
    if (open === null || (starts[sequence]![start] === 1 && !piece) || open[0]!.sequence !== sequence) {
      open = [];
      words.push(open);
    }
    open.push(token);
  }
  return words;
}

/** Tokens of `max(1, round(words × proportion))` words chosen at random, in the order of the text. */
export function chooseWords(words: readonly MaskedToken[][], proportion: number, rng: Rng): MaskedToken[] {
  const count = Math.min(MOST_WORDS, words.length, Math.max(1, Math.round(words.length * proportion)));
  const order = shuffle(Array.from(words.keys()), rng).slice(0, count);
  return order.flatMap((word) => words[word]!).sort((a, b) => a.at - b.at);
}
