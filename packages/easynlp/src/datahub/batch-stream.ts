import { setImmediate as turn } from 'node:timers/promises';
import { EasyNlpError } from '../errors/index.js';
import { Rng } from '../util/index.js';
import { planBatches } from './batch-plan.js';
import type { DataSource, EncodedRow, Row } from './types.js';

export interface BatchStreamOptions<R extends EncodedRow = EncodedRow> {
  readonly source: DataSource;
  /** Encodes rows (at most 1,024 a call); one result a row, in order. */
  readonly encode: (rows: Row[]) => Promise<R[]> | R[];
  /** Greatest number of rows of a batch. */
  readonly batchSize: number;
  /** Greatest rows × padded length of a batch. Default: no limit. */
  readonly tokenBudget?: number | undefined;
  /** Padded lengths are multiples of this. Default 1. */
  readonly padToMultipleOf?: number | undefined;
  /** false: rows sorted by length within a window, the same every epoch, for evaluation. Default true. */
  readonly shuffle?: boolean | undefined;
  /** Default 42, EasyNLP's `random_seed`. */
  readonly seed?: number | undefined;
  /** Rows held in memory and shuffled together. Default 65,536. */
  readonly window?: number | undefined;
  readonly dropLast?: boolean | undefined;
  /** This process's number among `worldSize` that read the same data. Default 0 of 1. */
  readonly rank?: number | undefined;
  readonly worldSize?: number | undefined;
  /** Windows that are prepared while the current one is consumed: 0 or 1. Default 1. */
  readonly prefetch?: number | undefined;
}

/** Where a stream stands: everything before `batch` of `window` was handed out. Plain JSON. */
export interface BatchPosition {
  readonly epoch: number;
  readonly window: number;
  readonly batch: number;
}

export interface StreamedBatch<R extends EncodedRow = EncodedRow> {
  readonly rows: R[];
  /** Number of each row in the source, from 0. */
  readonly indices: number[];
  /** State after this batch: `epoch(position.epoch, position)` yields the ones that follow it. */
  readonly position: BatchPosition;
}

interface Window<R> {
  readonly rows: readonly R[];
  /** Number in the source of `rows[0]`. */
  readonly first: number;
  /** This rank's batches. */
  readonly batches: readonly (readonly number[])[];
  /** Whether the source ends here. */
  readonly last: boolean;
}

const ENCODE_AT_ONCE = 1024;

/**
 * Batches of similar length from a table, in flat memory.
 *
 * The source is read in windows. One that fits into a single window is encoded once, kept, and shuffled as a
 * whole every epoch. A larger one is read anew each epoch, window after window in file order, and shuffled
 * within each; the first window of an epoch has a random length, so that the borders move from epoch to epoch
 * and rows of neighbouring windows meet. (A file sorted by label should be shuffled once beforehand.)
 *
 * The order is a function of `seed`, epoch, `window`, batch options and the data alone: the generator
 * (xoshiro128**) is derived from (seed, epoch, window). A position therefore needs no generator state, and
 * resuming at any batch gives exactly the batches that an uninterrupted run would have given.
 *
 * With several ranks each encodes every row and takes every `worldSize`-th batch of the same plan; no row is
 * lost or given twice, and every rank gets the same number of batches (batches are halved to that end; where
 * all have a single row already, only `dropLast` keeps the ranks even).
 *
 * @example
 * const stream = new BatchStream({ source, encode, batchSize: 32, tokenBudget: 4096, seed: 42 });
 * for await (const { rows, position } of stream.epoch(0)) step(rows);
 */
export class BatchStream<R extends EncodedRow = EncodedRow> {
  readonly #options: BatchStreamOptions<R>;
  readonly #shuffle: boolean;
  readonly #seed: number;
  readonly #rank: number;
  readonly #world: number;
  readonly #window: number;
  /** All rows when they fit into one window, else null; undefined until looked. */
  #cache: Promise<readonly R[] | null> | undefined;
  /** Length of every row, read for the number of batches under a token budget: 4 bytes a row. */
  #lengths: Promise<Uint32Array> | undefined;

  constructor(options: BatchStreamOptions<R>) {
    this.#options = options;
    this.#shuffle = options.shuffle ?? true;
    this.#seed = options.seed ?? 42;
    this.#rank = options.rank ?? 0;
    this.#world = options.worldSize ?? 1;
    const window = options.window ?? 65_536;
    for (const [name, value] of Object.entries({
      batchSize: options.batchSize,
      tokenBudget: options.tokenBudget ?? 1,
      padToMultipleOf: options.padToMultipleOf ?? 1,
      window,
      worldSize: this.#world,
    })) {
      if (!Number.isSafeInteger(value) || value < 1) {
        throw new RangeError(`${name} must be a whole number from 1, got ${value}.`);
      }
    }
    if (!Number.isInteger(this.#rank) || this.#rank < 0 || this.#rank >= this.#world) {
      throw new RangeError(`rank must be from 0 to ${this.#world - 1}, got ${this.#rank}.`);
    }
    // Whole batches only, or each window would end with a small one.
    const unit = options.batchSize * this.#world;
    this.#window = Math.max(unit, Math.floor(window / unit) * unit);
  }

  /**
   * The batches of an epoch, or those that follow `resume`. Leaving the loop early stops all reading.
   * Errors of reading and encoding surface when the window in which they happened is reached.
   * Throws DATA_POSITION when `resume` does not belong to this epoch or these data.
   */
  async *epoch(
    epoch: number,
    resume?: BatchPosition,
    options: { signal?: AbortSignal } = {},
  ): AsyncGenerator<StreamedBatch<R>, void, undefined> {
    if (resume !== undefined) this.#checkPosition(epoch, resume);
    const stop = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
    const windows = this.#windows(epoch, resume?.window ?? 0, signal);
    let ahead: Promise<IteratorResult<Window<R>, void>> | null = null;
    try {
      for (let number = resume?.window ?? 0; ; number++) {
        const result = await (ahead ?? windows.next());
        ahead = null;
        if (result.done) {
          if (number === resume?.window && resume.batch > 0)
            throw this.#misfit(resume, 'the data end before it');
          return;
        }
        const window = result.value;
        const skip = number === resume?.window ? resume.batch : 0;
        if (skip > window.batches.length) {
          throw this.#misfit(resume!, `this window has ${window.batches.length} batches`);
        }
        let arrived = true;
        if (!window.last && (this.#options.prefetch ?? 1) > 0) {
          arrived = false;
          ahead = windows.next();
          const done = () => {
            arrived = true;
          };
          ahead.then(done, done); // a failure is reported when its window is due
        }
        for (let i = skip; i < window.batches.length; i++) {
          options.signal?.throwIfAborted();
          const batch = window.batches[i]!;
          yield {
            rows: batch.map((row) => window.rows[row]!),
            indices: batch.map((row) => window.first + row),
            position: { epoch, window: number, batch: i + 1 },
          };
          // A consumer that computes synchronously would keep the event loop from reading ahead.
          if (!arrived) await turn();
        }
        if (window.last) return;
      }
    } finally {
      stop.abort();
      await ahead?.catch(() => {});
      await windows.return();
    }
  }

  /**
   * Number of batches of an epoch for this rank, exactly. With a token budget it depends on all lengths: a source
   * that does not fit into one window is read and encoded once for them, at the first call.
   */
  async batchesPerEpoch(epoch: number): Promise<number> {
    const rows = await this.#cached();
    if (rows !== null) return this.#plan(rows, epoch, 0).length;
    const { batchSize, dropLast, tokenBudget } = this.#options;
    const lengths = tokenBudget === undefined ? null : await this.#allLengths();
    const total = lengths?.length ?? (await this.#options.source.count());
    let batches = 0;
    for (let from = 0, window = 0; from < total; window++) {
      const size = Math.min(this.#size(epoch, window), total - from);
      // Lengths do not matter without a budget: plan with equal ones.
      const plan =
        lengths === null
          ? this.#mine(
              planBatches(new Uint8Array(size), { batchSize, dropLast, worldSize: this.#world }, null),
            )
          : this.#planLengths(lengths.subarray(from, from + size), epoch, window);
      batches += plan.length;
      from += size;
      await turn();
    }
    return batches;
  }

  #allLengths(): Promise<Uint32Array> {
    if (this.#lengths === undefined) {
      const lengths = this.#readLengths();
      this.#lengths = lengths;
      lengths.catch(() => {
        if (this.#lengths === lengths) this.#lengths = undefined;
      });
    }
    return this.#lengths;
  }

  async #readLengths(): Promise<Uint32Array> {
    let lengths = new Uint32Array(this.#window * 2);
    let count = 0;
    const add = async (chunk: Row[]) => {
      for (const { length } of await this.#encode(chunk)) {
        if (count === lengths.length) {
          const longer = new Uint32Array(count * 2);
          longer.set(lengths);
          lengths = longer;
        }
        lengths[count++] = length;
      }
    };
    let chunk: Row[] = [];
    for await (const row of this.#options.source.rows()) {
      chunk.push(row);
      if (chunk.length < ENCODE_AT_ONCE) continue;
      await add(chunk);
      chunk = [];
    }
    await add(chunk);
    return lengths.subarray(0, count);
  }

  async *#windows(
    epoch: number,
    from: number,
    signal: AbortSignal,
  ): AsyncGenerator<Window<R>, void, undefined> {
    const cached = await this.#cached(signal);
    if (cached !== null) {
      if (from === 0) yield { rows: cached, first: 0, batches: this.#plan(cached, epoch, 0), last: true };
      return;
    }
    let first = 0;
    for (let number = 0; number < from; number++) first += this.#size(epoch, number);
    const reader = this.#options.source.rows({ start: first, signal })[Symbol.asyncIterator]();
    try {
      for (let number = from, ended = false; !ended; number++) {
        const rows: R[] = [];
        const wanted = this.#size(epoch, number);
        while (rows.length < wanted && !ended) {
          const chunk: Row[] = [];
          const size = Math.min(ENCODE_AT_ONCE, wanted - rows.length);
          while (chunk.length < size && !ended) {
            const { value, done } = await reader.next();
            if (done) ended = true;
            else chunk.push(value);
          }
          for (const row of await this.#encode(chunk)) rows.push(row);
        }
        if (rows.length > 0) {
          yield { rows, first, batches: this.#plan(rows, epoch, number), last: ended };
        }
        first += rows.length;
      }
    } finally {
      await reader.return?.();
    }
  }

  async #encode(rows: Row[]): Promise<R[]> {
    if (rows.length === 0) return [];
    const encoded = await this.#options.encode(rows);
    if (encoded.length !== rows.length) {
      throw new EasyNlpError('DATA_ENCODE', {
        file: this.#options.source.name,
        reason: `encode returned ${encoded.length} results for ${rows.length} rows`,
      });
    }
    return encoded;
  }

  #cached(signal?: AbortSignal): Promise<readonly R[] | null> {
    if (this.#cache === undefined) {
      const cache = this.#readAll(signal);
      this.#cache = cache;
      // A failure or an abort must not stick: the next epoch tries again.
      cache.catch(() => {
        if (this.#cache === cache) this.#cache = undefined;
      });
    }
    return this.#cache;
  }

  /** All rows encoded, or null as soon as there are more than a window holds. */
  async #readAll(signal?: AbortSignal): Promise<readonly R[] | null> {
    const raw: Row[] = [];
    for await (const row of this.#options.source.rows(signal ? { signal } : {})) {
      raw.push(row);
      if (raw.length > this.#window) return null;
    }
    const rows: R[] = [];
    for (let from = 0; from < raw.length; from += ENCODE_AT_ONCE) {
      signal?.throwIfAborted();
      for (const row of await this.#encode(raw.slice(from, from + ENCODE_AT_ONCE))) rows.push(row);
    }
    return rows;
  }

  /** Rows of a window; the first one of an epoch is shortened at random when shuffling. */
  #size(epoch: number, window: number): number {
    if (window > 0 || !this.#shuffle) return this.#window;
    const unit = this.#options.batchSize * this.#world;
    const units = this.#window / unit;
    const least = Math.ceil(units / 2);
    return unit * (least + Rng.derive(this.#seed, 'windows', epoch).int(units - least + 1));
  }

  #plan(rows: readonly R[], epoch: number, window: number): number[][] {
    return this.#planLengths(
      Uint32Array.from(rows, (row) => row.length),
      epoch,
      window,
    );
  }

  #planLengths(lengths: Uint32Array, epoch: number, window: number): number[][] {
    const rng = this.#shuffle ? Rng.derive(this.#seed, 'batches', epoch, window) : null;
    const { batchSize, tokenBudget, padToMultipleOf, dropLast } = this.#options;
    const options = { batchSize, tokenBudget, padToMultipleOf, dropLast, worldSize: this.#world };
    return this.#mine(planBatches(lengths, options, rng));
  }

  #mine(batches: number[][]): number[][] {
    return this.#world === 1 ? batches : batches.filter((_, i) => i % this.#world === this.#rank);
  }

  #checkPosition(epoch: number, position: BatchPosition): void {
    const valid = [position.epoch, position.window, position.batch].every(
      (value) => Number.isSafeInteger(value) && value >= 0,
    );
    if (!valid) throw this.#misfit(position, 'expected { epoch, window, batch }, whole numbers from 0');
    if (position.epoch !== epoch) throw this.#misfit(position, `epoch ${epoch} was asked for`);
  }

  #misfit(position: BatchPosition, reason: string): EasyNlpError {
    return new EasyNlpError('DATA_POSITION', { position, file: this.#options.source.name, reason });
  }
}
