import type { BatchPosition, BatchStream } from './batch-stream.js';
import type { EncodedRow, HostBatch } from './types.js';

/** A batch ready for the device, and the state after it. */
export interface ProvidedBatch {
  readonly batch: HostBatch;
  readonly position: BatchPosition;
}

/** Where a training gets its batches from: the same for labelled rows and for pre-training corpora. */
export interface BatchProvider {
  /** The batches of an epoch, or those that follow `resume`, exactly as an uninterrupted run would get them. */
  epoch(epoch: number, resume?: BatchPosition): AsyncIterable<ProvidedBatch>;
  batchesPerEpoch(epoch: number): Promise<number>;
}

/** Rows of a stream, padded into batches. */
export function collated<R extends EncodedRow>(
  stream: BatchStream<R>,
  collate: (rows: readonly R[]) => HostBatch,
): BatchProvider {
  return {
    async *epoch(epoch, resume) {
      for await (const { rows, position } of stream.epoch(epoch, resume))
        yield { batch: collate(rows), position };
    },
    batchesPerEpoch: (epoch) => stream.batchesPerEpoch(epoch),
  };
}
