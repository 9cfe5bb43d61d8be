import { type Rng, shuffle } from '../util/index.js';
import { paddedLength } from './collate.js';

export interface BatchPlanOptions {
  /** Greatest number of rows of a batch. */
  readonly batchSize: number;
  /** Greatest rows × padded length of a batch; a single row may exceed it. */
  readonly tokenBudget?: number | undefined;
  /** Padded lengths are multiples of this. Default 1. */
  readonly padToMultipleOf?: number | undefined;
  /** Leave out a batch at the end that rows no longer fill. */
  readonly dropLast?: boolean | undefined;
  /** The number of batches is made a multiple of this where the rows suffice. Default 1. */
  readonly worldSize?: number | undefined;
}

/** Batches whose rows are sorted together when shuffling: more sorts better, fewer mixes better. */
const MEGA_BATCH = 50;

/**
 * Divides a window's rows into batches of similar length.
 *
 * With `rng`: all rows are shuffled, then sorted by length within mega-batches of 50 × `batchSize` rows, cut,
 * and the batches shuffled. Without: all rows sorted by length (shortest first), for evaluation.
 * Only lengths and the generator's state decide, so every rank computes the same plan.
 *
 * @returns for each batch the positions of its rows in `lengths`. For `worldSize` > 1, batch i belongs to
 * rank i mod worldSize, and the batches of one step have similar lengths.
 */
export function planBatches(
  lengths: ArrayLike<number>,
  options: BatchPlanOptions,
  rng: Rng | null,
): number[][] {
  const order = Array.from({ length: lengths.length }, (_, i) => i);
  const byLength = (a: number, b: number) => lengths[a]! - lengths[b]!;
  let batches: number[][] = [];
  if (rng === null) {
    batches = cut(order.sort(byLength), lengths, options, true);
  } else {
    shuffle(order, rng);
    const size = MEGA_BATCH * options.batchSize;
    for (let from = 0; from < order.length; from += size) {
      const part = order.slice(from, from + size).sort(byLength);
      for (const batch of cut(part, lengths, options, from + size >= order.length)) batches.push(batch);
    }
  }
  const world = options.worldSize ?? 1;
  batches = fillSteps(batches, world, options.dropLast ?? false);
  return rng === null ? batches : shuffleSteps(batches, world, rng);
}

/** Cuts sorted rows; `last` tells that no rows follow, where `dropLast` applies. */
function cut(
  sorted: readonly number[],
  lengths: ArrayLike<number>,
  options: BatchPlanOptions,
  last: boolean,
): number[][] {
  const budget = options.tokenBudget ?? Number.POSITIVE_INFINITY;
  const batches: number[][] = [];
  let batch: number[] = [];
  for (const row of sorted) {
    const width = paddedLength(lengths[row]!, options.padToMultipleOf); // sorted: this row is the longest
    const full = batch.length === options.batchSize || (batch.length + 1) * width > budget;
    if (full && batch.length > 0) {
      batches.push(batch);
      batch = [];
    }
    batch.push(row);
  }
  const width = batch.length === 0 ? 0 : paddedLength(lengths[batch.at(-1)!]!, options.padToMultipleOf);
  const partial = batch.length < options.batchSize && (batch.length + 1) * width <= budget;
  if (batch.length > 0 && !(last && partial && options.dropLast)) batches.push(batch);
  return batches;
}

/**
 * Every rank must take part in every step: when the batches do not come out even, the largest are halved
 * (no row is lost or given twice), or with `dropLast` the smallest left out. Without `dropLast` a window whose
 * batches all have a single row may stay uneven: the first ranks then get one batch more.
 */
function fillSteps(batches: number[][], world: number, dropLast: boolean): number[][] {
  let missing = (world - (batches.length % world)) % world;
  if (missing === 0) return batches;
  const result = [...batches];
  if (dropLast) {
    for (let excess = result.length % world; excess > 0; excess--) result.splice(smallest(result), 1);
    return result;
  }
  for (; missing > 0; missing--) {
    let at = 0;
    for (let i = 1; i < result.length; i++) if (result[i]!.length > result[at]!.length) at = i;
    const batch = result[at];
    if (batch === undefined || batch.length < 2) break;
    const half = batch.length >> 1;
    result.splice(at, 1, batch.slice(0, half), batch.slice(half));
  }
  return result;
}

function smallest(batches: readonly (readonly number[])[]): number {
  let at = 0;
  for (let i = 1; i < batches.length; i++) if (batches[i]!.length < batches[at]!.length) at = i;
  return at;
}

/** Shuffles steps (groups of one batch a rank), then the ranks inside each. */
function shuffleSteps(batches: readonly number[][], world: number, rng: Rng): number[][] {
  if (world === 1) return shuffle([...batches], rng);
  const steps: number[][][] = [];
  for (let at = 0; at < batches.length; at += world) steps.push(shuffle(batches.slice(at, at + world), rng));
  // An uneven last step must stay last, or ranks would part in the middle.
  const uneven = steps.length > 0 && steps.at(-1)!.length < world ? steps.pop()! : null;
  shuffle(steps, rng);
  if (uneven) steps.push(uneven);
  return steps.flat();
}
