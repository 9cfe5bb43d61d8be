/**
 * How undecided a distribution is: its entropy divided by that of the uniform distribution, 0 (certain) to 1.
 *
 * H(p) / ln C with H(p) = −Σ p ln p.
 */
export function normalisedEntropy(probabilities: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < probabilities.length; i++) {
    const p = probabilities[i]!;
    if (p > 0) sum -= p * Math.log(p);
  }
  return probabilities.length < 2 ? 0 : Math.min(1, sum / Math.log(probabilities.length));
}
