/**
 * How many tokens of each text remain when together they may have `budget`: always cutting the longest one, of equally
 * long ones the last, as Hugging Face's `longest_first` does for pairs.
 */
export function longestFirst(lengths: readonly number[], budget: number): number[] {
  const sum = (level: number) => lengths.reduce((total, n) => total + Math.min(n, level), 0);
  if (sum(Number.POSITIVE_INFINITY) <= budget) return [...lengths];
  // The greatest level to which all texts can be cut down; what is then left goes to the first that were cut.
  let low = 0;
  let high = Math.max(...lengths);
  while (low < high) {
    const level = Math.ceil((low + high) / 2);
    if (sum(level) <= budget) low = level;
    else high = level - 1;
  }
  let left = budget - sum(low);
  return lengths.map((n) => {
    if (n <= low) return n;
    if (left === 0) return low;
    left--;
    return low + 1;
  });
}
