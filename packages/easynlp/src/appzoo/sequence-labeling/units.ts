import type { Row } from '../../datahub/index.js';
import { textOf } from '../sequence/index.js';

/** What gets a tag: characters, or words as spaces and punctuation divide them. */
export type Unit = 'character' | 'word';

/** A text and the parts of it that get tags. */
export interface Units {
  readonly text: string;
  readonly surfaces: readonly string[];
  /** Places in `text` in UTF-16 code units: `text.slice(starts[i], ends[i]) === surfaces[i]`. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** Tokens that were given: each of them gets a tag, also one that the tokenizer does not know at all. */
  readonly given: boolean;
}

function fromMatches(text: string, pattern: RegExp, given: boolean): Units {
  const surfaces: string[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  for (const { 0: surface, index } of text.matchAll(pattern)) {
    surfaces.push(surface);
    starts.push(index);
    ends.push(index + surface.length);
  }
  return { text, surfaces, starts: Int32Array.from(starts), ends: Int32Array.from(ends), given };
}

const CHARACTER = /\S/gu;
// Chinese characters stand alone; a full stop stays inside of numbers and of abbreviations.
const WORD = /\p{Script=Han}|[\p{L}\p{M}\p{N}]+(?:[.'’_-][\p{L}\p{M}\p{N}]+)*|\S/gu;
const HAN_WORD = /[^\p{Script=Han}]+|\p{Script=Han}/gu;

/** The characters (code points) or words of a text; white space belongs to none. */
export function segment(text: string, unit: Unit): Units {
  if (unit === 'character') return fromMatches(text, CHARACTER, false);
  const words = fromMatches(text, WORD, false);
  if (!/\p{Script=Han}/u.test(text)) return words;
  // A run of letters may go on into Chinese characters, which are letters too.
  const surfaces: string[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  for (const [i, word] of words.surfaces.entries()) {
    for (const { 0: surface, index } of word.matchAll(HAN_WORD)) {
      surfaces.push(surface);
      starts.push(words.starts[i]! + index);
      ends.push(words.starts[i]! + index + surface.length);
    }
  }
  return { text, surfaces, starts: Int32Array.from(starts), ends: Int32Array.from(ends), given: false };
}

/** EasyNLP's texts: tokens separated by spaces. */
export const spaced = (text: string): Units => fromMatches(text, /[^ ]+/g, true);

/** Tokens of a list; the text that places refer to has them side by side, words with a space between. */
export function joined(tokens: readonly string[], unit: Unit): Units {
  const gap = unit === 'word' ? ' ' : '';
  const starts = new Int32Array(tokens.length);
  const ends = new Int32Array(tokens.length);
  let at = 0;
  for (const [i, token] of tokens.entries()) {
    if (i > 0) at += gap.length;
    starts[i] = at;
    at += token.length;
    ends[i] = at;
  }
  return { text: tokens.join(gap), surfaces: tokens, starts, ends, given: true };
}

/** Whether most tokens are single characters. */
export function unitOf(tokens: number, characters: number): Unit {
  return 2 * characters >= tokens ? 'character' : 'word';
}

export const isCharacter = (token: string): boolean =>
  token.length === 1 || (token.length === 2 && token.codePointAt(0)! > 0xffff);

/** How texts without labels are read. */
export interface UnitRules {
  readonly firstSequence: string;
  readonly unit: Unit;
  /** Trained on tokens separated by spaces. */
  readonly spaced: boolean;
  /** What was asked for when predicting. */
  readonly tokenized?: boolean;
}

/** The units of a row without labels. */
export function unitsOfRow(row: Row, rules: UnitRules): Units {
  const value = row.values[rules.firstSequence];
  if (Array.isArray(value)) return joined(value.map(String), rules.unit);
  const text = textOf(row, rules.firstSequence);
  return (rules.tokenized ?? looksSpaced(text, row, rules)) ? spaced(text) : segment(text, rules.unit);
}

/**
 * Models of spaced tokens get spaced texts in files. Characters: where at least half of what stands between spaces is a
 * single one, so that a plain text with a space in it is none. Words: all of them, but what a person types is plain.
 */
function looksSpaced(text: string, { file }: Row, rules: UnitRules): boolean {
  if (!rules.spaced) return false;
  if (rules.unit === 'word') return file !== 'input';
  const tokens = text.split(' ').filter((token) => token !== '');
  return tokens.length > 1 && 2 * tokens.filter(isCharacter).length >= tokens.length;
}
