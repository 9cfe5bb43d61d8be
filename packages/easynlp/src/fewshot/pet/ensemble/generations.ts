import { argmax, softmaxRow } from '../../../appzoo/sequence/index.js';
import type { Rng } from '../../../util/index.js';

/** Which models label the rows for model `own`: ⌈share · (n − 1)⌉ of the others, drawn at random. */
export function chooseTeachers(models: number, own: number, share: number, rng: Rng): number[] {
  const others = Array.from({ length: models }, (_, i) => i).filter((i) => i !== own);
  const number = Math.max(1, Math.round(share * others.length));
  return take(others, () => 1, number, rng).sort((a, b) => a - b);
}

/**
 * Rows that a generation adds, iPET (PET §3.4): of each label l as many as make `factor ** generation` times its
 * labelled rows together with those, drawn without replacement from the rows whose best label is l, with chances
 * proportional to the probability of l. Where there are fewer such rows, all of them.
 *
 * @param scores s_N(l | x) of each unlabelled row
 * @param counts labelled rows of each label
 */
export function chooseRows(
  scores: readonly (readonly number[])[],
  counts: readonly number[],
  growth: number,
  rng: Rng,
): { row: number; label: number }[] {
  const best = scores.map((row) => {
    const label = argmax(row);
    return { label, probability: softmaxRow(row)[label]! };
  });
  return counts.flatMap((count, label) => {
    const wanted = Math.round(growth * count) - count;
    const candidates = best.flatMap((b, row) => (b.label === label ? [row] : []));
    return take(candidates, (row) => best[row]!.probability, wanted, rng).map((row) => ({ row, label }));
  });
}

/** `number` items without replacement, chances proportional to weights (Efraimidis & Spirakis 2006). */
function take<T>(items: readonly T[], weight: (item: T) => number, number: number, rng: Rng): T[] {
  return items
    .map((item) => ({ item, key: Math.log(Math.max(rng.float(), Number.MIN_VALUE)) / weight(item) }))
    .sort((a, b) => b.key - a.key)
    .slice(0, Math.max(0, number))
    .map(({ item }) => item);
}
