import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { EasyNlpError, ERRORS, type ErrorCode } from '../../errors/index.js';
import { type MlmBatch, MlmBatchMaker, MlmBuffers, type MlmDataOptions, type MlmShape } from './mlm-batch.js';
import { CONTROL, ERROR_BYTES, type MlmWorkerData, slotViews } from './mlm-ring.js';

export interface MlmBatcherOptions extends MlmDataOptions {
  /** First step, from 0. Default 0. */
  readonly step?: number;
  /** Batches prepared ahead by a thread. Default 8; 0 makes each batch when it is asked for. */
  readonly ahead?: number;
  /** The thread's entry point; for tests that run from TypeScript sources. */
  readonly worker?: URL;
}

/** What a checkpoint keeps: batches after it are exactly those of an uninterrupted run. */
export interface MlmPosition {
  /** The step whose batch comes next. */
  readonly step: number;
  /** Identifies data, masking and shape; another one makes another training. */
  readonly data: string;
}

/** Milliseconds without a batch after which the thread is taken for dead. */
const PATIENCE = 120_000;

/**
 * Batches for masked language modelling, prepared ahead in a thread of its own through memory shared with it.
 * `next` never touches the event loop and blocks only when the thread has fallen behind, so that a training
 * loop without `await` can use it. Where there is no compiled thread entry (TypeScript run from source),
 * batches are made in the calling thread, with the same content.
 */
export class MlmBatcher {
  readonly shape: MlmShape;
  readonly sources: readonly string[];
  readonly stepsPerEpoch: number;
  /** Whether a thread prepares the batches. */
  readonly threaded: boolean;
  /** Milliseconds that `next` has waited for the thread in all. */
  waited = 0;
  readonly #maker: MlmBatchMaker;
  readonly #fingerprint: string;
  readonly #slots: readonly MlmBuffers[];
  readonly #data: MlmWorkerData | null;
  readonly #control: Int32Array | null;
  #worker: Worker | null = null;
  #step: number;
  #taken = 0;

  /** Throws DATA_CACHE_DAMAGED, DATA_SOURCE, CONFIG_INVALID_VALUE. */
  constructor(options: MlmBatcherOptions) {
    const { step = 0, ahead = 8, worker, ...data } = options;
    this.#maker = new MlmBatchMaker(data);
    this.shape = this.#maker.shape;
    this.sources = this.#maker.sources;
    this.stepsPerEpoch = this.#maker.stepsPerEpoch;
    this.#step = step;
    this.#fingerprint = fingerprint(this.#maker, data);
    const entry = worker ?? new URL('./mlm-worker.js', import.meta.url);
    this.threaded = ahead > 0 && existsSync(fileURLToPath(entry));
    if (!this.threaded) {
      this.#slots = [new MlmBuffers(this.shape), new MlmBuffers(this.shape)];
      this.#data = null;
      this.#control = null;
      return;
    }
    const slots = Math.max(2, ahead) + 1;
    this.#data = {
      options: data,
      shape: this.shape,
      slots,
      firstStep: step,
      control: new SharedArrayBuffer(4 * CONTROL.words),
      memory: new SharedArrayBuffer(slots * MlmBuffers.bytes(this.shape)),
      error: new SharedArrayBuffer(ERROR_BYTES),
    };
    this.#control = new Int32Array(this.#data.control);
    this.#slots = slotViews(this.#data);
    this.#worker = new Worker(entry, { workerData: this.#data });
    // A process must be able to end although a thread waits to fill more batches.
    this.#worker.unref();
    this.#worker.on('error', () => {});
  }

  /** Position of the batch that `next` will give. */
  get position(): MlmPosition {
    return { step: this.#step, data: this.#fingerprint };
  }

  /**
   * The batch of the next step; there is no last one. Its arrays are views of shared memory and valid until
   * the second call of `next` after this one. Throws what the thread threw.
   */
  next(): MlmBatch {
    const slot = this.#slots[this.#taken % this.#slots.length]!;
    if (this.#control === null) this.#maker.fill(this.#step, slot);
    else this.#await(this.#control);
    this.#taken++;
    this.#step++;
    const batch = slot.batch();
    if (batch.step !== this.#step - 1) {
      throw new Error(`The batching thread gave step ${batch.step} instead of ${this.#step - 1}.`);
    }
    return batch;
  }

  /** Ends the thread. */
  async close(): Promise<void> {
    if (this.#control !== null) {
      Atomics.store(this.#control, CONTROL.stop, 1);
      Atomics.notify(this.#control, CONTROL.consumed);
    }
    await this.#worker?.terminate();
    this.#worker = null;
    this.#maker.cache.close();
  }

  #await(control: Int32Array): void {
    if (this.#worker === null) throw new Error('The batcher has been closed.');
    // The batch before the last one may be overwritten now.
    Atomics.store(control, CONTROL.consumed, Math.max(0, this.#taken - 1) | 0);
    Atomics.notify(control, CONTROL.consumed);
    const begin = performance.now();
    let waited = false;
    for (;;) {
      const produced = Atomics.load(control, CONTROL.produced);
      if (((produced - this.#taken) | 0) > 0) break;
      if (Atomics.load(control, CONTROL.failed) === 1) throw this.#failure();
      waited = true;
      Atomics.wait(control, CONTROL.produced, produced, 1000);
      if (performance.now() - begin > PATIENCE) {
        throw new Error(`The batching thread gave no batch in ${PATIENCE / 1000} s.`);
      }
    }
    if (waited) this.waited += performance.now() - begin;
  }

  #failure(): Error {
    const bytes = Buffer.from(this.#data!.error);
    const text = bytes.toString('utf8', 4, 4 + bytes.readUInt32LE(0));
    try {
      const { code, details, message } = JSON.parse(text) as {
        code?: string;
        details?: Record<string, unknown>;
        message: string;
      };
      if (code !== undefined && Object.hasOwn(ERRORS, code)) {
        return new EasyNlpError(code as ErrorCode, details);
      }
      return new Error(`The batching thread failed: ${message}`);
    } catch {
      return new Error(`The batching thread failed: ${text}`);
    }
  }
}

/** Throws DATA_POSITION when `position` was not made with the data and options of `batcher`. */
export function checkMlmPosition(batcher: MlmBatcher, position: MlmPosition, file: string): void {
  const now = batcher.position.data;
  if (position.data === now) return;
  throw new EasyNlpError('DATA_POSITION', {
    position: position.data,
    file,
    reason: `the data and masking of this run are ${now}`,
  });
}

function fingerprint(maker: MlmBatchMaker, options: MlmDataOptions): string {
  const { batchSize, sequenceLength, seed, worldSize = 1 } = options;
  const { masker, packer, cache } = maker;
  // Quotas say what the weights come to. The rank is left out: all ranks share one checkpoint.
  const quotas = packer.sources.map(({ name, quota }) => `${name}:${quota}`).join(',');
  return JSON.stringify({
    cache: cache.id.slice(0, 16),
    batchSize,
    sequenceLength,
    seed,
    worldSize,
    masking: `${masker.mode} ${masker.rate}`,
    quotas,
  });
}
