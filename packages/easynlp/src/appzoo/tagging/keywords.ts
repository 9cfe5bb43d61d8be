import type { TaggedWord } from '../../datahub/corpus/index.js';
import { STOP_WORDS } from './stop-words.js';

/** A word that says what a text is about. */
export interface Keyword {
  /** As it stands in the text for the first time; upper and lower case make no difference otherwise. */
  readonly word: string;
  /** The highest is 1 for TextRank and TF-IDF; a cosine for embeddings. */
  readonly score: number;
  /** How often it stands in the text. */
  readonly count: number;
}

export interface KeywordOptions {
  readonly topK: number;
  /** Words with their parts of speech, as `jiebaTagger()` gives them. */
  readonly words: (text: string) => readonly TaggedWord[];
  /** Words that are none, beside the usual ones. */
  readonly stopWords?: ReadonlySet<string>;
}

/** Nouns, names, verbs that are nouns, and Latin words: the parts of speech that jieba's own TextRank takes, and these. */
const KINDS = /^(n|vn|eng|nz|nt|nr|ns|nrt|nrfg|v$|l$|j$)/;

interface Found {
  /** Words that may be keywords, in lower case and in the order of the text; null where another word stands. */
  readonly names: readonly (string | null)[];
  /** How often each of them stands there, */
  readonly counts: ReadonlyMap<string, number>;
  /** and how it is written. */
  readonly written: ReadonlyMap<string, string>;
}

function candidates(text: string, { words, stopWords }: KeywordOptions): Found {
  const written = new Map<string, string>();
  const counts = new Map<string, number>();
  const names = words(text).flatMap(({ word, tag }): (string | null)[] => {
    const surface = word.trim();
    const name = surface.toLowerCase();
    if (!/[\p{L}\p{N}]/u.test(name)) return [];
    const fits =
      KINDS.test(tag) &&
      [...name].length > 1 &&
      /\p{L}/u.test(name) &&
      !STOP_WORDS.has(name) &&
      !stopWords?.has(name);
    if (!fits) return [null];
    counts.set(name, (counts.get(name) ?? 0) + 1);
    if (!written.has(name)) written.set(name, surface);
    return [name];
  });
  return { names, counts, written };
}

/** The best of them; equal scores keep the order of the text. */
function best(scores: ReadonlyMap<string, number>, { counts, written }: Found, topK: number): Keyword[] {
  return [...scores]
    .map(([name, score]) => ({ word: written.get(name)!, score, count: counts.get(name)! }))
    .sort((a, b) => b.score - a.score)
    .slice(0, topK);
}

function toOne(scores: ReadonlyMap<string, number>): Map<string, number> {
  let most = 0;
  for (const score of scores.values()) most = Math.max(most, score);
  return new Map([...scores].map(([word, score]) => [word, most > 0 ? score / most : 0]));
}

/** Words within so many of one another are linked. */
const SPAN = 5;
const DAMPING = 0.85;

/**
 * TextRank, Mihalcea and Tarau 2004, "TextRank: Bringing Order into Texts", eq. 2: words are linked as often as they stand
 * within five words of one another; a word is as important as those that it is linked with.
 *
 * W(v) = (1 − d) + d · Σ_u w(u,v) / Σ_k w(u,k) · W(u), d = 0.85
 */
export function textRankKeywords(text: string, options: KeywordOptions): Keyword[] {
  const found = candidates(text, options);
  const { names, counts } = found;
  if (counts.size === 0) return [];
  const links = new Map([...counts.keys()].map((word) => [word, new Map<string, number>()]));
  for (const [i, one] of names.entries()) {
    if (one === null) continue;
    for (const other of names.slice(i + 1, i + SPAN)) {
      if (other === null || other === one) continue;
      links.get(one)!.set(other, (links.get(one)!.get(other) ?? 0) + 1);
      links.get(other)!.set(one, (links.get(other)!.get(one) ?? 0) + 1);
    }
  }
  const sums = new Map([...links].map(([word, own]) => [word, [...own.values()].reduce((a, b) => a + b, 0)]));
  let scores = new Map([...counts.keys()].map((word) => [word, 1]));
  for (let round = 0; round < 100; round++) {
    let change = 0;
    const next = new Map<string, number>();
    for (const [word, own] of links) {
      let sum = 0;
      for (const [other, weight] of own) sum += (weight / sums.get(other)!) * scores.get(other)!;
      const score = 1 - DAMPING + DAMPING * sum;
      change = Math.max(change, Math.abs(score - scores.get(word)!));
      next.set(word, score);
    }
    scores = next;
    if (change < 1e-6) break;
  }
  return best(toOne(scores), found, options.topK);
}

/**
 * TF-IDF: how often a word stands in the text, times how rare it is elsewhere.
 *
 * @param idf inverse document frequency of a word, such as `jiebaIdf()`
 */
export function tfIdfKeywords(
  text: string,
  { idf, ...options }: KeywordOptions & { readonly idf: (word: string) => number },
): Keyword[] {
  const found = candidates(text, options);
  if (found.counts.size === 0) return [];
  const scores = new Map([...found.counts].map(([name, count]) => [name, count * idf(name)]));
  return best(toOne(scores), found, options.topK);
}

/** How much a keyword's likeness to those chosen before it counts against it. */
const REDUNDANCY = 0.4;

/**
 * Words whose vector is nearest to that of the whole text, with maximal marginal relevance, so that they differ from one
 * another: EmbedRank++, Bennani-Smires et al. 2018 (arXiv 1801.04470), eq. 2 with λ = 0.6.
 *
 * @param embed vectors of length 1, one a text
 */
export async function embeddingKeywords(
  text: string,
  options: KeywordOptions & {
    readonly embed: (texts: readonly string[]) => Promise<readonly ArrayLike<number>[]>;
  },
): Promise<Keyword[]> {
  const { counts, written } = candidates(text, options);
  if (counts.size === 0) return [];
  const names = [...counts.keys()];
  const words = names.map((name) => written.get(name)!);
  const [whole, ...vectors] = await options.embed([text, ...words]);
  const cosine = (a: ArrayLike<number>, b: ArrayLike<number>) => {
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
    return sum;
  };
  const relevance = vectors.map((v) => cosine(v, whole!));
  const left = new Set(words.keys());
  const chosen: number[] = [];
  while (left.size > 0 && chosen.length < options.topK) {
    const value = (i: number) =>
      (1 - REDUNDANCY) * relevance[i]! -
      REDUNDANCY * Math.max(0, ...chosen.map((c) => cosine(vectors[i]!, vectors[c]!)));
    const next = [...left].reduce((a, b) => (value(b) > value(a) ? b : a));
    left.delete(next);
    chosen.push(next);
  }
  return chosen.map((i) => ({ word: words[i]!, score: relevance[i]!, count: counts.get(names[i]!)! }));
}
