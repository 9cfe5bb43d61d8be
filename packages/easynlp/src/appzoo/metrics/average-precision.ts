/**
 * Average precision, Σ (Rₙ − Rₙ₋₁)·Pₙ over the thresholds from the highest score down; rows with equal scores count
 * together. Equal to scikit-learn's `average_precision_score`, but for lists without a positive row.
 *
 * @param gold 1 for positive rows
 * @param scores any monotone score
 * @returns 0 to 1; null where no row is positive, or a score is NaN
 */
export function averagePrecision(gold: ArrayLike<number>, scores: ArrayLike<number>): number | null {
  if (gold.length !== scores.length)
    throw new RangeError(`${gold.length} rows against ${scores.length} scores`);
  const order = Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[b]! - scores[a]!);
  let positives = 0;
  for (let i = 0; i < gold.length; i++) {
    if (gold[i] === 1) positives++;
    if (Number.isNaN(scores[i]!)) return null;
  }
  if (positives === 0) return null;
  let sum = 0;
  let hits = 0;
  for (let from = 0; from < order.length; ) {
    let to = from;
    let found = 0;
    while (to < order.length && scores[order[to]!] === scores[order[from]!])
      found += gold[order[to++]!] === 1 ? 1 : 0;
    hits += found;
    sum += (found / positives) * (hits / to);
    from = to;
  }
  return sum;
}
