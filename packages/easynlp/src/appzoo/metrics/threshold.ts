export interface Threshold {
  /** Values from here on count as positive. */
  readonly threshold: number;
  readonly accuracy: number;
}

/**
 * The threshold with the highest accuracy: between two neighbouring values, in their middle. Of several it is the one
 * in the widest gap, which bears the most change in other data; null without values.
 */
export function bestThreshold(values: ArrayLike<number>, gold: ArrayLike<number>): Threshold | null {
  const n = values.length;
  if (n === 0) return null;
  const order = Array.from({ length: n }, (_, i) => i).sort((a, b) => values[b]! - values[a]!);
  let positives = 0;
  for (let i = 0; i < n; i++) if (gold[i] === 1) positives++;
  // Nothing counts as positive: all negatives are right.
  let right = n - positives;
  let best = { threshold: above(values[order[0]!]!), right, gap: 0 };
  for (let i = 0; i < n; i++) {
    right += gold[order[i]!] === 1 ? 1 : -1;
    const value = values[order[i]!]!;
    const next = i + 1 < n ? values[order[i + 1]!]! : null;
    if (next === value) continue;
    const gap = next === null ? 0 : value - next;
    if (right > best.right || (right === best.right && gap > best.gap)) {
      best = { threshold: next === null ? value : (value + next) / 2, right, gap };
    }
  }
  return { threshold: best.threshold, accuracy: best.right / n };
}

/** A number that is just larger. */
function above(value: number): number {
  return value + Math.max(Number.MIN_VALUE, Math.abs(value) * 1e-6);
}
