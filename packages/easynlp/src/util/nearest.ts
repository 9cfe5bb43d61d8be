/**
 * Damerau–Levenshtein distance: the least number of insertions, deletions, substitutions and swaps of two
 * neighbours (unrestricted, so it is a metric). Counted in code points.
 */
export function editDistance(a: string, b: string): number {
  const left = Array.from(a);
  const right = Array.from(b);
  const width = right.length + 2;
  const infinity = left.length + right.length;
  const cost = new Uint32Array((left.length + 2) * width);
  const at = (i: number, j: number) => (i + 1) * width + j + 1;
  cost[0] = infinity;
  for (let i = 0; i <= left.length; i++) {
    cost[at(i, -1)] = infinity;
    cost[at(i, 0)] = i;
  }
  for (let j = 0; j <= right.length; j++) {
    cost[at(-1, j)] = infinity;
    cost[at(0, j)] = j;
  }
  const lastRow = new Map<string, number>();
  for (let i = 1; i <= left.length; i++) {
    let lastColumn = 0;
    for (let j = 1; j <= right.length; j++) {
      const row = lastRow.get(right[j - 1]!) ?? 0;
      const column = lastColumn;
      const same = left[i - 1] === right[j - 1];
      if (same) lastColumn = j;
      cost[at(i, j)] = Math.min(
        cost[at(i - 1, j - 1)]! + (same ? 0 : 1),
        cost[at(i, j - 1)]! + 1,
        cost[at(i - 1, j)]! + 1,
        cost[at(row - 1, column - 1)]! + (i - row - 1) + 1 + (j - column - 1),
      );
    }
    lastRow.set(left[i - 1]!, i);
  }
  return cost[at(left.length, right.length)]!;
}

/** `--Learning-Rate`, `learning_rate` and `learningRate` are the same name misspelt in style only. */
const plain = (name: string) =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/^-+/, '')
    .replace(/[-\s.]/g, '_');

/**
 * The candidates that `name` may have meant, closest first, at most `limit`; empty when none is near.
 * Letter case and the choice between `-`, `_` and camelCase do not count as mistakes.
 */
export function nearestNames(name: string, candidates: Iterable<string>, limit = 3): string[] {
  const wanted = plain(name);
  // One mistake in three letters is a typing error; more than that is another word.
  const allowed = Math.max(1, Math.floor(Array.from(wanted).length / 3));
  return Array.from(new Set(candidates), (candidate) => ({
    candidate,
    distance: editDistance(wanted, plain(candidate)),
    exact: editDistance(name, candidate),
  }))
    .filter(({ candidate, distance }) => distance <= allowed && distance < Array.from(candidate).length)
    .sort((a, b) => a.distance - b.distance || a.exact - b.exact || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, limit)
    .map(({ candidate }) => candidate);
}

/**
 * The candidate that `name` most probably meant, or null when none is near.
 *
 * @example
 * nearest('lerning_rate', ['learning_rate', 'epoch_num']); // 'learning_rate'
 */
export function nearest(name: string, candidates: Iterable<string>): string | null {
  return nearestNames(name, candidates, 1)[0] ?? null;
}
