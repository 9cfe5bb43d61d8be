/** Where the relevant documents of each query stand. */
export interface RankingScores {
  /** Queries with a relevant document. */
  readonly queries: number;
  /** Mean of 1 / rank of the first relevant document. */
  readonly mrr: number;
  /** By k: share of the queries with a relevant document among the first k. */
  readonly recall: Readonly<Record<number, number>>;
}

/**
 * Rank of the best relevant document, from 1, among documents with these scores. Documents with the same score stand
 * before it: a model that finds everything alike gets no credit for the order of the file.
 *
 * @param ignored a document that does not count, the query itself for one
 * @returns null where no document is relevant
 */
export function rankOfRelevant(
  scores: ArrayLike<number>,
  isRelevant: (document: number) => boolean,
  ignored = -1,
): number | null {
  let best = Number.NEGATIVE_INFINITY;
  let found = false;
  for (let d = 0; d < scores.length; d++) {
    if (d === ignored || !isRelevant(d)) continue;
    found = true;
    if (scores[d]! > best) best = scores[d]!;
  }
  if (!found) return null;
  let rank = 1;
  for (let d = 0; d < scores.length; d++) {
    // Written so that NaN, too, stands before: it must not look like a good rank.
    if (d !== ignored && !(scores[d]! < best) && !isRelevant(d)) rank++;
  }
  return rank;
}

/** Figures from {@link rankOfRelevant} of all queries; null without any. */
export function rankingScores(ranks: readonly number[], ks: readonly number[]): RankingScores | null {
  if (ranks.length === 0) return null;
  const mean = (of: (rank: number) => number) => ranks.reduce((sum, r) => sum + of(r), 0) / ranks.length;
  return {
    queries: ranks.length,
    mrr: mean((r) => 1 / r),
    recall: Object.fromEntries(ks.map((k) => [k, mean((r) => (r <= k ? 1 : 0))])),
  };
}
