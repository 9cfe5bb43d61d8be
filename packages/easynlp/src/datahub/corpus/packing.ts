import { EasyNlpError } from '../../errors/index.js';
import { Rng } from '../../util/index.js';
import { Permutation } from './permutation.js';
import { sourceWeights, type WeightRecipe } from './source-weights.js';
import type { TokenCache } from './token-cache.js';
import type { Split } from './token-format.js';

export interface PackingOptions {
  /** Tokens of a sequence, [CLS] and the last [SEP] included. */
  readonly sequenceLength: number;
  readonly seed: number;
  /** How sources are mixed. Default: in proportion to size. */
  readonly weights?: WeightRecipe;
  /** Default: as many as the training documents fill. */
  readonly sequencesPerEpoch?: number;
}

export interface PackedSource {
  readonly name: string;
  readonly tokens: number;
  /** Sequences that its tokens fill once. */
  readonly windows: number;
  /** Sequences of it in each epoch. */
  readonly quota: number;
  readonly share: number;
}

/**
 * Training sequences: `[CLS] tokens … [SEP]`, always full, cut from the documents of one source that stand one
 * after the other with [SEP] between them (FULL-SENTENCES of RoBERTa, Liu et al. 2019).
 *
 * Sequence i of epoch e is a pure function of (seed, e, i): nothing has to be remembered to resume, and ranks
 * take every R-th batch. Each source gives a fixed number of sequences to each epoch, by its weight; it goes
 * through all of its windows in a random order before any comes again, over epochs, and each such pass cuts
 * the windows at another offset, so that no two passes see the same sequences.
 */
export class SequencePacker {
  readonly sequenceLength: number;
  readonly sequencesPerEpoch: number;
  readonly sources: readonly PackedSource[];
  readonly #cache: TokenCache;
  readonly #seed: number;
  readonly #firstToken: readonly number[];
  /** Sequence numbers (after shuffling) at which each source's quota ends. */
  readonly #ends: Float64Array;
  readonly #passes = new Map<string, Pass>();
  #epoch = -1;
  #order: Permutation | null = null;

  constructor(cache: TokenCache, options: PackingOptions) {
    const { sequenceLength, seed } = options;
    if (!Number.isInteger(sequenceLength) || sequenceLength < 8) {
      throw new EasyNlpError('DATA_SOURCE', {
        reason: `sequences of ${sequenceLength} tokens cannot be packed; expected a whole number of at least 8`,
      });
    }
    this.#cache = cache;
    this.#seed = seed;
    this.sequenceLength = sequenceLength;
    const inner = sequenceLength - 2;
    const usable = cache.header.sources.filter((source) => source.splits.train.tokens >= inner);
    if (usable.length === 0) {
      throw new EasyNlpError('DATA_SOURCE', {
        reason: `no source fills one sequence of ${sequenceLength} tokens`,
      });
    }
    // Sizes in sequences, not tokens: without weights every sequence comes exactly once an epoch.
    const sizes = cache.header.sources.map(
      ({ name, splits }) => [name, Math.floor(splits.train.tokens / inner)] as const,
    );
    const shares = sourceWeights(Object.fromEntries(sizes), options.weights);
    const kept = usable.filter((source) => shares[source.name]! > 0);
    const total = kept.reduce((sum, { name }) => sum + shares[name]!, 0);
    const windows = kept.map((source) => Math.floor(source.splits.train.tokens / inner));
    this.sequencesPerEpoch = options.sequencesPerEpoch ?? windows.reduce((sum, n) => sum + n, 0);
    const quotas = apportion(
      kept.map(({ name }) => shares[name]! / total),
      this.sequencesPerEpoch,
    );
    this.sources = kept.map((source, i) => ({
      name: source.name,
      tokens: source.splits.train.tokens,
      windows: windows[i]!,
      quota: quotas[i]!,
      share: quotas[i]! / this.sequencesPerEpoch,
    }));
    this.#firstToken = kept.map((source) => source.splits.train.firstToken);
    this.#ends = new Float64Array(quotas.length);
    let end = 0;
    for (const [i, quota] of quotas.entries()) this.#ends[i] = end += quota;
  }

  /** Source (its number in `sources`) and first token, counted within the source, of sequence `index`. */
  locate(epoch: number, index: number): { source: number; token: number; pass: number } {
    if (epoch !== this.#epoch || this.#order === null) {
      this.#order = new Permutation(this.sequencesPerEpoch, Rng.derive(this.#seed, 'sequences', epoch));
      this.#epoch = epoch;
    }
    const place = this.#order.at(index);
    let source = 0;
    while (place >= this.#ends[source]!) source++;
    const { quota, windows, tokens } = this.sources[source]!;
    const within = place - (this.#ends[source]! - quota);
    const serial = epoch * quota + within;
    const number = Math.floor(serial / windows);
    const { order, shift } = this.#pass(source, number);
    const inner = this.sequenceLength - 2;
    return { source, pass: number, token: (shift + order.at(serial % windows) * inner) % tokens };
  }

  /** Writes sequence `index` of `epoch` into `ids` and its word-start bits into `starts` from index `at`. */
  read(epoch: number, index: number, ids: Int32Array, starts: Uint8Array, at = 0): { source: number } {
    const { source, token } = this.locate(epoch, index);
    const { cls, sep } = this.#cache.header.special;
    const inner = this.sequenceLength - 2;
    const base = this.#firstToken[source]!;
    // The last window of a pass goes on at the beginning of the source.
    const first = Math.min(inner, this.sources[source]!.tokens - token);
    ids[at] = cls;
    starts[at] = 1;
    this.#cache.read('train', base + token, first, ids, starts, at + 1);
    if (first < inner) this.#cache.read('train', base, inner - first, ids, starts, at + 1 + first);
    ids[at + inner + 1] = sep;
    starts[at + inner + 1] = 1;
    return { source };
  }

  #pass(source: number, number: number): Pass {
    const key = `${source}:${number}`;
    let pass = this.#passes.get(key);
    if (pass === undefined) {
      const { name, windows } = this.sources[source]!;
      const rng = Rng.derive(this.#seed, 'windows', name, number);
      pass = { shift: rng.int(this.sequenceLength - 2), order: new Permutation(windows, rng) };
      if (this.#passes.size > 4096) this.#passes.clear();
      this.#passes.set(key, pass);
    }
    return pass;
  }
}

interface Pass {
  readonly shift: number;
  readonly order: Permutation;
}

/** Full sequences of one source's held-out (or training) documents in their order, for evaluation. */
export function sequentialWindows(
  cache: TokenCache,
  split: Split,
  source: string,
  sequenceLength: number,
): { count: number; read(index: number, ids: Int32Array, starts: Uint8Array, at?: number): void } {
  const { firstToken, tokens } = cache.source(source).splits[split];
  const { cls, sep } = cache.header.special;
  const inner = sequenceLength - 2;
  return {
    count: Math.floor(tokens / inner),
    read(index, ids, starts, at = 0) {
      ids[at] = cls;
      starts[at] = 1;
      cache.read(split, firstToken + index * inner, inner, ids, starts, at + 1);
      ids[at + inner + 1] = sep;
      starts[at + inner + 1] = 1;
    },
  };
}

/** Whole numbers that add up to `total`, as near to the shares as can be (largest remainders). */
function apportion(shares: readonly number[], total: number): number[] {
  const exact = shares.map((share) => share * total);
  const parts = exact.map(Math.floor);
  const missing = total - parts.reduce((sum, n) => sum + n, 0);
  const order = exact
    .map((x, i) => ({ i, rest: x - parts[i]! }))
    .sort((a, b) => b.rest - a.rest || a.i - b.i);
  for (let k = 0; k < missing; k++) parts[order[k % order.length]!.i]!++;
  return parts;
}
