import type { ReadingLanguage } from './spec.js';
import { wordTokens } from './word-tokens.js';

/** How well an answer agrees with the right ones, 0 … 1. */
export interface AnswerScore {
  /** Equal, apart from punctuation, letter case and the like. */
  readonly em: number;
  readonly f1: number;
}

/** What the script of CMRC 2018 leaves out. An ellipsis is not among it: the script's has two characters. */
const PUNCTUATION = new Set('-:_*^/\\~`+=，。：？！“”；’《》·、「」（）－～『』');
const CHINESE = /[\u4e00-\u9fa5]/;

function withoutPunctuation(text: string): string {
  return Array.from(text.toLowerCase().trim())
    .filter((character) => !PUNCTUATION.has(character))
    .join('');
}

/** Chinese characters one by one, and between them English words; without punctuation. */
export function mixedSegmentation(text: string): string[] {
  const out: string[] = [];
  let other = '';
  const flush = () => {
    if (other !== '') out.push(...wordTokens(other));
    other = '';
  };
  for (const character of withoutPunctuation(text)) {
    if (CHINESE.test(character)) {
      flush();
      out.push(character);
    } else other += character;
  }
  flush();
  return out;
}

/** Length of the longest run that both have, without gaps. */
export function longestCommonRun(a: readonly string[], b: readonly string[]): number {
  let longest = 0;
  let row = new Uint32Array(b.length + 1);
  for (const item of a) {
    const next = new Uint32Array(b.length + 1);
    for (let j = 0; j < b.length; j++) {
      if (item !== b[j]) continue;
      next[j + 1] = row[j]! + 1;
      longest = Math.max(longest, next[j + 1]!);
    }
    row = next;
  }
  return longest;
}

const harmonic = (common: number, predicted: number, gold: number): number =>
  common === 0 ? 0 : (2 * common) / (predicted + gold);

/**
 * Cui et al. 2019 (arXiv 1810.07366) §3.3, as `cmrc2018_evaluate.py` has it: EM without punctuation, F1 of the longest
 * common run of characters and English words.
 */
function cmrcScore(gold: string, predicted: string): AnswerScore {
  const [a, b] = [mixedSegmentation(gold), mixedSegmentation(predicted)];
  return {
    em: withoutPunctuation(gold) === withoutPunctuation(predicted) ? 1 : 0,
    f1: harmonic(longestCommonRun(a, b), b.length, a.length),
  };
}

/** Lower case, without ASCII punctuation and articles, single blanks. */
export function squadNormalized(text: string): string {
  return text
    .toLowerCase()
    .replace(/[!-/:-@[-`{-~]/g, '')
    .replace(/\b(?:a|an|the)\b/g, ' ')
    .split(/\s+/)
    .filter((word) => word !== '')
    .join(' ');
}

/** Rajpurkar et al. 2016 (arXiv 1606.05250) §6.1 and 2018 (1806.03822), as `evaluate-v2.0.py` has it: F1 of words. */
function squadScore(gold: string, predicted: string): AnswerScore {
  const [a, b] = [squadNormalized(gold), squadNormalized(predicted)];
  const [goldWords, words] = [a, b].map((text) => (text === '' ? [] : text.split(' '))) as [
    string[],
    string[],
  ];
  const em = a === b ? 1 : 0;
  if (goldWords.length === 0 || words.length === 0) return { em, f1: em };
  const left = new Map<string, number>();
  for (const word of goldWords) left.set(word, (left.get(word) ?? 0) + 1);
  let common = 0;
  for (const word of words) {
    const count = left.get(word) ?? 0;
    if (count > 0) common++;
    left.set(word, count - 1);
  }
  return { em, f1: harmonic(common, words.length, goldWords.length) };
}

/**
 * The best agreement with one of the right answers. A question without an answer (`gold` is empty) is right when none
 * is given, as in SQuAD 2.
 *
 * @param predicted null for "no answer"
 */
export function scoreAnswer(
  gold: readonly string[],
  predicted: string | null,
  language: ReadingLanguage,
): AnswerScore {
  if (gold.length === 0 || predicted === null) {
    const right = gold.length === 0 && predicted === null ? 1 : 0;
    return { em: right, f1: right };
  }
  const score = language === 'zh' ? cmrcScore : squadScore;
  let best: AnswerScore = { em: 0, f1: 0 };
  for (const text of gold) {
    const { em, f1 } = score(text, predicted);
    best = { em: Math.max(best.em, em), f1: Math.max(best.f1, f1) };
  }
  return best;
}
