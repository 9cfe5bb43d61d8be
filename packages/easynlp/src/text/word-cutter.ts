import { bertNormalizer, bertPreTokenizer, type Tokenizer as NativeTokenizer } from 'tokenizers';
import { jiebaOf } from './jieba.js';
import type { WordSettings } from './word-settings.js';

/** Between the units of a cut text; BERT's normalization leaves no control characters. */
export const UNIT_BORDER = '\u0001';

/** A text as WordPiece gets it. */
export interface CutText {
  /** Normalized units with `UNIT_BORDER` between them. */
  readonly units: string;
  /** Where each code point of `units` comes from in the given text, in UTF-16 code units. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

interface AddedToken {
  readonly content: string;
  readonly normalized?: boolean;
  readonly single_word?: boolean;
}

/** What BERT does with a character before and after jieba: CJK characters and punctuation stand alone, blanks go. */
const spread = bertNormalizer({
  cleanText: false,
  handleChineseChars: true,
  stripAccents: false,
  lowercase: false,
});
const apart = bertPreTokenizer();

/** Words outside of the vocabulary whose parts are remembered. */
const REMEMBERED = 100_000;

/**
 * WoBERT's and RoFormer's way: the normalized text is cut by jieba without its hidden Markov model; a word of the
 * vocabulary stays whole, another one falls apart as in BERT. Su 2020, github.com/ZhuiyiTechnology/WoBERT.
 *
 * `RoFormerTokenizer` of Python's `transformers` does the same but for five words of jieba's dictionary with punctuation
 * in them (C++, C#, AT&T), which it does not split where the vocabulary lacks them.
 */
export class WordCutter {
  /** jieba, or jieba with the digest of a user dictionary. */
  readonly name: string;
  readonly #open: () => { cut(text: string, hmm: boolean): string[] };
  readonly #normalize: (character: string) => string;
  readonly #vocabulary: ReadonlySet<string>;
  /** Tokens that are found in the text as it is written, and those that are found in the normalized one. */
  readonly #written: RegExp | null;
  readonly #normalized: RegExp | null;
  readonly #contents: ReadonlyMap<string, string>;
  readonly #characters = new Map<string, string>();
  readonly #parts = new Map<string, readonly string[]>();

  /** @param native a tokenizer with the vocabulary and the normalizer, which must not put blanks around characters */
  constructor(native: NativeTokenizer, settings: WordSettings, addedTokens: readonly AddedToken[]) {
    const { name, open } = jiebaOf(settings.userDictionary);
    this.name = name;
    this.#open = open;
    const normalizer = native.getNormalizer();
    this.#normalize = normalizer === null ? (character) => character : (c) => normalizer.normalizeString(c);
    this.#vocabulary = new Set(Object.keys(native.getVocab(false)));
    // Rust itself finds those that count only as a whole word.
    const anywhere = addedTokens.filter((token) => token.single_word !== true && token.content !== '');
    this.#written = anyOf(anywhere.filter((t) => t.normalized !== true).map((t) => t.content));
    const later = anywhere.filter((token) => token.normalized === true);
    this.#contents = new Map(later.map(({ content }) => [this.#normalizeText(content), content]));
    this.#normalized = anyOf([...this.#contents.keys()].filter((content) => content !== ''));
  }

  cut(text: string): CutText {
    const out = new UnitList();
    for (const { from, to, found } of matches(text, this.#written)) {
      if (found) out.whole(text.slice(from, to), from, to);
      else this.#cutPlain(text, from, to, out);
    }
    return out.finish();
  }

  #cutPlain(text: string, from: number, to: number, out: UnitList): void {
    let normal = '';
    // Of each code unit of `normal`, the character that it comes from.
    const starts: number[] = [];
    const ends: number[] = [];
    for (let at = from; at < to; ) {
      const size = text.codePointAt(at)! > 0xffff ? 2 : 1;
      const made = this.#character(text.slice(at, at + size));
      for (let i = 0; i < made.length; i++) {
        starts.push(at);
        ends.push(at + size);
      }
      normal += made;
      at += size;
    }
    for (const part of matches(normal, this.#normalized)) {
      const piece = normal.slice(part.from, part.to);
      if (part.found) {
        out.whole(this.#contents.get(piece)!, starts[part.from]!, ends[part.to - 1]!);
        continue;
      }
      let at = part.from;
      for (const word of this.#words(piece)) {
        let inside = 0;
        for (const unit of this.#vocabulary.has(word) ? [word] : this.#partsOf(word)) {
          inside = word.indexOf(unit, inside);
          out.unit(unit, starts, ends, at + inside);
          inside += unit.length;
        }
        at += word.length;
      }
    }
  }

  /** jieba's words, which add up to the text; should they ever not, the text is one word. */
  #words(text: string): readonly string[] {
    const words = this.#open().cut(text, false);
    let length = 0;
    for (const word of words) length += word.length;
    return length === text.length ? words : [text];
  }

  #character(character: string): string {
    let made = this.#characters.get(character);
    if (made === undefined) {
      made = this.#normalize(character).replaceAll(UNIT_BORDER, '');
      this.#characters.set(character, made);
    }
    return made;
  }

  #normalizeText(text: string): string {
    return Array.from(text, (character) => this.#character(character)).join('');
  }

  #partsOf(word: string): readonly string[] {
    let parts = this.#parts.get(word);
    if (parts === undefined) {
      parts = apart.preTokenizeString(spread.normalizeString(word)).map(([part]) => part);
      if (this.#parts.size >= REMEMBERED) this.#parts.clear();
      this.#parts.set(word, parts);
    }
    return parts;
  }
}

/** Collects units with the places of their code points. */
class UnitList {
  #units = '';
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  /** A unit whose code units begin at `at` in the tables of places. */
  unit(unit: string, starts: readonly number[], ends: readonly number[], at: number): void {
    this.#begin();
    this.#units += unit;
    for (let i = 0; i < unit.length; i += unit.codePointAt(i)! > 0xffff ? 2 : 1) {
      this.#starts.push(starts[at + i]!);
      this.#ends.push(ends[at + i]!);
    }
  }

  /** A unit all of which stands for the same part of the text. */
  whole(unit: string, start: number, end: number): void {
    this.#begin();
    this.#units += unit;
    for (const _ of unit) {
      this.#starts.push(start);
      this.#ends.push(end);
    }
  }

  finish(): CutText {
    return {
      units: this.#units,
      starts: Int32Array.from(this.#starts),
      ends: Int32Array.from(this.#ends),
    };
  }

  #begin(): void {
    if (this.#units === '') return;
    this.#units += UNIT_BORDER;
    this.#starts.push(0);
    this.#ends.push(0);
  }
}

/** The longest of `contents` wherever one begins. */
function anyOf(contents: readonly string[]): RegExp | null {
  if (contents.length === 0) return null;
  const escaped = [...contents]
    .sort((a, b) => b.length - a.length)
    .map((content) => content.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(escaped.join('|'), 'gu');
}

/** A text as a row of parts that match and parts that do not; empty ones are left out. */
function* matches(text: string, pattern: RegExp | null) {
  let at = 0;
  if (pattern !== null) {
    for (const { 0: content, index } of text.matchAll(pattern)) {
      if (index > at) yield { from: at, to: index, found: false };
      at = index + content.length;
      yield { from: index, to: at, found: true };
    }
  }
  if (at < text.length) yield { from: at, to: text.length, found: false };
}
