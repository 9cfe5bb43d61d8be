import {
  mix32,
  type PackingOptions,
  SequencePacker,
  type Split,
  sequentialWindows,
  TokenCache,
} from '../../datahub/corpus/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { type MaskBuffers, Masker, type MaskingMode } from './masking.js';

/** Everything that decides on the content of a batch; plain JSON, so that it can go to a worker thread. */
export interface MlmDataOptions extends PackingOptions {
  /** Folder of the token cache. */
  readonly cache: string;
  /** Sequences of a batch on one rank. */
  readonly batchSize: number;
  readonly masking?: MaskingMode;
  /** Default 0.15. */
  readonly maskingRate?: number;
  readonly rank?: number;
  readonly worldSize?: number;
}

/** One batch of static shape: B sequences of T tokens, N places for masked tokens. */
export interface MlmBatch {
  /** [B × T] masked ids. */
  readonly inputIds: Int32Array;
  /** [N] flat indices (row × T + position) of masked tokens; unused places at the end are 0. */
  readonly positions: BigInt64Array;
  /** [N] ids of those tokens; unused places are −100, which cross entropy ignores. */
  readonly labels: BigInt64Array;
  /** [B] number of each sequence's source in `sources`. */
  readonly sourceIds: Int32Array;
  /** Places of `positions` in use. */
  readonly masked: number;
  /** Number of the step that it belongs to, from 0, over all epochs. */
  readonly step: number;
}

export interface MlmShape {
  readonly batchSize: number;
  readonly sequenceLength: number;
  /** N: the most that B sequences can have masked, rounded up to a multiple of 8; never exceeded. */
  readonly positions: number;
}

/** Memory of one batch; `memory` lets a worker thread and its reader share it. */
export class MlmBuffers implements MaskBuffers {
  readonly inputIds: Int32Array;
  readonly positions: Int32Array;
  readonly labels: Int32Array;
  readonly wide: { readonly positions: BigInt64Array; readonly labels: BigInt64Array };
  readonly sourceIds: Int32Array;
  readonly meta: Float64Array;

  constructor(shape: MlmShape, memory?: SharedArrayBuffer, offset = 0) {
    const bytes = MlmBuffers.bytes(shape);
    const buffer = memory ?? new ArrayBuffer(bytes);
    const n = shape.positions;
    const b = shape.batchSize;
    let at = offset;
    const take = (size: number) => {
      at += size;
      return at - size;
    };
    this.wide = {
      positions: new BigInt64Array(buffer, take(8 * n), n),
      labels: new BigInt64Array(buffer, take(8 * n), n),
    };
    this.meta = new Float64Array(buffer, take(16), 2);
    this.inputIds = new Int32Array(buffer, take(4 * b * shape.sequenceLength), b * shape.sequenceLength);
    this.positions = new Int32Array(buffer, take(4 * n), n);
    this.labels = new Int32Array(buffer, take(4 * n), n);
    this.sourceIds = new Int32Array(buffer, take(4 * b), b);
  }

  /** Bytes of one batch, a multiple of 8. */
  static bytes({ batchSize, sequenceLength, positions }: MlmShape): number {
    const bytes = 24 * positions + 16 + 4 * batchSize * sequenceLength + 4 * batchSize;
    return Math.ceil(bytes / 8) * 8;
  }

  /** Fills the unused places and the 64-bit copies. */
  finish(masked: number, step: number): void {
    this.positions.fill(0, masked);
    this.labels.fill(-100, masked);
    // Through 32-bit halves: making a bigint for every number would take longer than masking.
    const positions = new Int32Array(
      this.wide.positions.buffer,
      this.wide.positions.byteOffset,
      this.positions.length * 2,
    );
    const labels = new Int32Array(
      this.wide.labels.buffer,
      this.wide.labels.byteOffset,
      this.labels.length * 2,
    );
    for (let i = 0; i < this.positions.length; i++) {
      positions[2 * i] = this.positions[i]!;
      positions[2 * i + 1] = 0;
      const label = this.labels[i]!;
      labels[2 * i] = label;
      labels[2 * i + 1] = label >> 31;
    }
    this.meta[0] = masked;
    this.meta[1] = step;
  }

  batch(): MlmBatch {
    return {
      inputIds: this.inputIds,
      positions: this.wide.positions,
      labels: this.wide.labels,
      sourceIds: this.sourceIds,
      masked: this.meta[0]!,
      step: this.meta[1]!,
    };
  }
}

/** Makes the batch of any step: a pure function of the options and the step. */
export class MlmBatchMaker {
  readonly cache: TokenCache;
  readonly packer: SequencePacker;
  readonly masker: Masker;
  readonly shape: MlmShape;
  readonly stepsPerEpoch: number;
  readonly #options: MlmDataOptions;
  readonly #ids: Int32Array;
  readonly #starts: Uint8Array;

  /** Throws DATA_CACHE_DAMAGED, DATA_SOURCE, CONFIG_INVALID_VALUE. Checksums are for the caller to verify. */
  constructor(options: MlmDataOptions) {
    const { batchSize, rank = 0, worldSize = 1 } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new EasyNlpError('CONFIG_INVALID_VALUE', {
        key: 'batchSize',
        expected: 'a whole number of at least 1',
        got: batchSize,
      });
    }
    if (!(Number.isInteger(rank) && Number.isInteger(worldSize) && rank >= 0 && rank < worldSize)) {
      throw new EasyNlpError('CONFIG_INVALID_VALUE', {
        key: 'rank',
        expected: `a whole number below the world size ${worldSize}`,
        got: rank,
      });
    }
    this.#options = options;
    this.cache = TokenCache.openSync(options.cache);
    this.packer = new SequencePacker(this.cache, options);
    this.masker = maskerFor(this.cache, options);
    this.shape = mlmShape(this.masker, options);
    this.stepsPerEpoch = Math.floor(this.packer.sequencesPerEpoch / (batchSize * worldSize));
    if (this.stepsPerEpoch === 0) {
      throw new EasyNlpError('DATA_SOURCE', {
        reason: `an epoch of ${this.packer.sequencesPerEpoch} sequences does not fill one batch of ${batchSize} on ${worldSize} rank(s)`,
        hint: 'Use a smaller batch, shorter sequences or more documents.',
      });
    }
    this.#ids = new Int32Array(options.sequenceLength);
    this.#starts = new Uint8Array(options.sequenceLength);
  }

  /** Names by source number, as `sourceIds` refers to them. */
  get sources(): readonly string[] {
    return this.packer.sources.map(({ name }) => name);
  }

  /** Writes the batch of `step` (0, 1, …; epochs follow one another) into `out`. */
  fill(step: number, out: MlmBuffers): void {
    const { batchSize, sequenceLength, rank = 0, worldSize = 1 } = this.#options;
    const epoch = Math.floor(step / this.stepsPerEpoch);
    const first = ((step % this.stepsPerEpoch) * worldSize + rank) * batchSize;
    let slot = 0;
    for (let row = 0; row < batchSize; row++) {
      const place = { epoch, index: first + row };
      out.sourceIds[row] = this.packer.read(epoch, place.index, this.#ids, this.#starts).source;
      slot += this.masker.mask(this.#ids, this.#starts, 0, sequenceLength, place, out, row, slot);
    }
    out.finish(slot, step);
  }
}

export interface EvaluationBatch extends MlmBatch {
  /** Rows that hold held-out text; the rest is [PAD] and has nothing masked. */
  readonly rows: number;
}

/**
 * Batches of a source's held-out documents (or of a split's), of the same shape as in training, masked the same way every
 * time.
 * Views of one memory: each batch is valid until the next.
 */
export function* evaluationBatches(
  cache: TokenCache,
  source: string,
  options: Omit<MlmDataOptions, 'cache' | 'rank' | 'worldSize'>,
  split: Split = 'heldOut',
): Generator<EvaluationBatch, void, undefined> {
  const { batchSize, sequenceLength } = options;
  const masker = maskerFor(cache, options);
  const shape = mlmShape(masker, options);
  const buffers = new MlmBuffers(shape);
  const windows = sequentialWindows(cache, split, source, sequenceLength);
  const ids = new Int32Array(sequenceLength);
  const starts = new Uint8Array(sequenceLength);
  let salt = 0;
  for (const byte of Buffer.from(source)) salt = mix32(salt ^ byte);
  for (let from = 0, step = 0; from < windows.count; from += batchSize, step++) {
    const rows = Math.min(batchSize, windows.count - from);
    let slot = 0;
    for (let row = 0; row < rows; row++) {
      windows.read(from + row, ids, starts);
      const place = { epoch: 0, index: salt * 0x100000 + from + row };
      slot += masker.mask(ids, starts, 0, sequenceLength, place, buffers, row, slot);
    }
    buffers.inputIds.fill(cache.header.special.pad, rows * sequenceLength);
    buffers.finish(slot, step);
    yield { ...buffers.batch(), rows };
  }
}

function maskerFor(cache: TokenCache, options: Omit<MlmDataOptions, 'cache'>): Masker {
  const { special, vocabSize } = cache.header;
  return new Masker({
    ...(options.masking === undefined ? {} : { mode: options.masking }),
    ...(options.maskingRate === undefined ? {} : { rate: options.maskingRate }),
    seed: options.seed,
    vocabSize,
    maskId: special.mask,
    specialIds: Object.values(special),
  });
}

function mlmShape(masker: Masker, options: { batchSize: number; sequenceLength: number }): MlmShape {
  const { batchSize, sequenceLength } = options;
  const most = batchSize * masker.most(sequenceLength);
  return { batchSize, sequenceLength, positions: Math.ceil(most / 8) * 8 };
}
