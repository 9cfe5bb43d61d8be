import { EasyNlpError } from '../errors/index.js';
import {
  BERT_SPECIAL_TOKENS,
  type Counts,
  compare,
  count,
  countLetters,
  mergePieces,
} from './build-vocab.js';

/** A part of a corpus whose counts are multiplied by `weight`. */
export interface WordPieceSource {
  readonly name: string;
  readonly texts: AsyncIterable<string> | Iterable<string>;
  /** Default 1. */
  readonly weight?: number;
}

export interface TrainWordPieceOptions {
  /** Number of tokens, special ones included. Default 14,000. */
  readonly size?: number;
  /** A character beyond the guaranteed ones is kept when it was seen this often (unweighted). Default 5. */
  readonly minCharacter?: number;
  /** Words and pairs with a smaller weighted count take no part in merging. Default 5. */
  readonly minPiece?: number;
  /** Must agree with the tokenizer's `doLowerCase`. Default true. */
  readonly doLowerCase?: boolean;
  readonly onSource?: (report: { name: string; characters: number; words: number }) => void;
}

export interface WordPieceVocabulary {
  /** Tokens by id, for `Tokenizer.fromVocab`. */
  readonly tokens: readonly string[];
  readonly special: number;
  /** Ideographs among the tokens. */
  readonly ideographs: number;
  /** Single characters other than ideographs, in plain and in `##` form. */
  readonly characters: number;
  /** Merged pieces of Latin words and numbers. */
  readonly pieces: number;
}

const IDEOGRAPH = /^\p{Script=Han}$/u;

/**
 * A WordPiece vocabulary for Chinese, from a corpus of several sources:
 * 1. special tokens; 2. every ideograph of GB 2312 (6,763), ASCII, full-width and CJK punctuation, whether seen
 * or not; 3. every other character seen often, plain and as `##` piece where it can be inside of a word;
 * 4. with what is left, pieces of Latin words and numbers, merging the most frequent pair of neighbours
 * (Sennrich et al. 2016) over counts weighted by source. Tokens of a class are ordered by weighted frequency.
 * The result depends on the counts only. Throws DATA_TOKENIZER when `size` is too small for steps 1 to 3.
 */
export async function trainWordPiece(
  sources: readonly WordPieceSource[],
  options: TrainWordPieceOptions = {},
): Promise<WordPieceVocabulary> {
  const size = options.size ?? 14_000;
  const minCharacter = options.minCharacter ?? 5;
  const minPiece = options.minPiece ?? 5;
  const lower = options.doLowerCase ?? true;

  /** Plain counts decide what is kept; weighted ones, what comes first. */
  const plain = new Map<string, number>();
  const weighted = new Map<string, number>();
  const words = new Map<string, number>();
  const add = (map: Map<string, number>, key: string, n: number) => map.set(key, (map.get(key) ?? 0) + n);
  for (const source of sources) {
    const weight = source.weight ?? 1;
    const counts: Counts = await count(source.texts, lower);
    let characters = 0;
    for (const entries of [counts.alone, countLetters(Array.from(counts.words))]) {
      for (const [token, n] of entries) {
        add(plain, token, n);
        add(weighted, token, n * weight);
        characters += n;
      }
    }
    for (const [word, n] of counts.words) add(words, word, n * weight);
    options.onSource?.({ name: source.name, characters, words: counts.words.size });
  }

  const wanted = new Set<string>(guaranteedTokens(lower));
  for (const [token, n] of plain) {
    if (n >= minCharacter) wanted.add(token);
    // A letter that is frequent in one form will turn up in the other.
    else if (n * 2 >= minCharacter && (plain.get(otherForm(token)) ?? 0) >= minCharacter) wanted.add(token);
  }
  const tokens = new Set<string>(BERT_SPECIAL_TOKENS);
  const required = tokens.size + wanted.size;
  if (required > size) {
    throw new EasyNlpError('DATA_TOKENIZER', {
      file: 'vocabulary',
      reason: `${size} tokens cannot hold the ${required} special tokens and characters; raise the size to at least ${required}, or the number of times that a character must be seen (now ${minCharacter})`,
    });
  }
  const frequency = (token: string) => weighted.get(token) ?? 0;
  const order = (a: string, b: string) => frequency(b) - frequency(a) || compare(a, b);
  for (const token of Array.from(wanted).sort(order)) tokens.add(token);
  const ideographs = Array.from(wanted).filter((token) => IDEOGRAPH.test(token)).length;

  const entries = Array.from(words).sort((a, b) => compare(a[0], b[0]));
  const pieces = mergePieces(entries, minPiece, tokens, size - tokens.size, isUsefulPiece);
  for (const piece of pieces) tokens.add(piece);
  return {
    tokens: Array.from(tokens),
    special: BERT_SPECIAL_TOKENS.length,
    ideographs,
    characters: wanted.size - ideographs,
    pieces: pieces.length,
  };
}

/** Latin words and numbers of up to four digits; longer numbers and rows of symbols mean nothing as a whole. */
function isUsefulPiece(piece: string): boolean {
  const text = piece.startsWith('##') ? piece.slice(2) : piece;
  return /^[\p{Script=Latin}0-9]+$/u.test(text) && !/[0-9]{5}/.test(text);
}

function otherForm(token: string): string {
  return token.startsWith('##') && token.length > 2 ? token.slice(2) : `##${token}`;
}

/** What a Chinese vocabulary must hold even where the corpus lacks it. */
export function guaranteedTokens(lower: boolean): string[] {
  const tokens = gb2312Ideographs();
  for (let code = 0x21; code < 0x7f; code++) {
    const character = String.fromCharCode(code);
    if (lower && /[A-Z]/.test(character)) continue;
    tokens.push(character);
    if (/[a-zA-Z0-9]/.test(character)) tokens.push(`##${character}`);
  }
  tokens.push(...'、。〈〉《》「」『』【】〔〕〖〗〜·—…‘’“”‰′″※￥');
  // Full-width forms of ASCII punctuation; full-width letters and digits are rare and may be merged from counts.
  for (let code = 0xff01; code <= 0xff5e; code++) {
    const character = String.fromCharCode(code);
    if (!/[\p{L}\p{N}]/u.test(character)) tokens.push(character);
  }
  return tokens;
}

/** The 6,763 ideographs of GB 2312-80: rows 16 to 87 of its table, decoded by the platform. */
export function gb2312Ideographs(): string[] {
  const decoder = new TextDecoder('gb2312', { fatal: true });
  const found: string[] = [];
  for (let row = 0xb0; row <= 0xf7; row++) {
    for (let cell = 0xa1; cell <= 0xfe; cell++) {
      // The decoder follows GBK, which adds characters of the private area at the end of row 55.
      if (row === 0xd7 && cell > 0xf9) continue;
      found.push(decoder.decode(Uint8Array.of(row, cell)));
    }
  }
  return found;
}
