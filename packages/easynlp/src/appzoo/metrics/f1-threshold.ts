export interface F1Threshold {
  /** Scores from here on count as positive. */
  readonly threshold: number;
  readonly f1: number;
}

/**
 * The threshold with the highest F1: between two neighbouring scores, in their middle. Of several it is the one in the
 * widest gap, which bears the most change in other data; null where no row is positive (no threshold has an F1 then).
 *
 * @param scores probabilities, @param gold 1 for positive rows
 */
export function bestF1Threshold(scores: ArrayLike<number>, gold: ArrayLike<number>): F1Threshold | null {
  const n = scores.length;
  let positives = 0;
  for (let i = 0; i < n; i++) if (gold[i] === 1) positives++;
  if (positives === 0) return null;
  const order = Array.from({ length: n }, (_, i) => i).sort((a, b) => scores[b]! - scores[a]!);
  let best = { threshold: 0, f1: -1, gap: -1 };
  let hits = 0;
  for (let i = 0; i < n; i++) {
    if (gold[order[i]!] === 1) hits++;
    const score = scores[order[i]!]!;
    const next = i + 1 < n ? scores[order[i + 1]!]! : null;
    if (next === score) continue;
    const f1 = (2 * hits) / (i + 1 + positives);
    const gap = next === null ? 0 : score - next;
    if (f1 > best.f1 || (f1 === best.f1 && gap > best.gap)) {
      best = { threshold: next === null ? score : between(next, score), f1, gap };
    }
  }
  return { threshold: best.threshold, f1: best.f1 };
}

/** The middle of two numbers; the upper one where rounding leaves nothing between them. */
function between(low: number, high: number): number {
  const middle = (low + high) / 2;
  return middle > low ? middle : high;
}
