import { type MlmBatchMaker, MlmBuffers, type MlmDataOptions, type MlmShape } from './mlm-batch.js';

/** Indices of the control words that the batching thread and its reader share. */
export const CONTROL = { produced: 0, consumed: 1, stop: 2, failed: 3, words: 4 } as const;
export const ERROR_BYTES = 1 << 16;

/** What the batching thread is started with. */
export interface MlmWorkerData {
  readonly options: MlmDataOptions;
  readonly shape: MlmShape;
  readonly slots: number;
  readonly firstStep: number;
  readonly control: SharedArrayBuffer;
  readonly memory: SharedArrayBuffer;
  readonly error: SharedArrayBuffer;
}

export function slotViews(data: Pick<MlmWorkerData, 'shape' | 'slots' | 'memory'>): MlmBuffers[] {
  const bytes = MlmBuffers.bytes(data.shape);
  return Array.from({ length: data.slots }, (_, i) => new MlmBuffers(data.shape, data.memory, i * bytes));
}

/**
 * The batching thread's loop: fills one slot of the ring after another and sleeps while all are full. Counters
 * are 32-bit and wrap around; only their difference matters.
 */
export function produce(data: MlmWorkerData, maker: MlmBatchMaker): void {
  const control = new Int32Array(data.control);
  const slots = slotViews(data);
  for (let serial = 0; ; serial++) {
    for (;;) {
      if (Atomics.load(control, CONTROL.stop) === 1) return;
      const consumed = Atomics.load(control, CONTROL.consumed);
      if (((serial - consumed) | 0) < data.slots) break;
      Atomics.wait(control, CONTROL.consumed, consumed, 1000);
    }
    maker.fill(data.firstStep + serial, slots[serial % data.slots]!);
    Atomics.store(control, CONTROL.produced, (serial + 1) | 0);
    Atomics.notify(control, CONTROL.produced);
  }
}

/** Hands an error to the reader, which may be blocked and not see events. */
export function reportFailure(data: MlmWorkerData, error: unknown): void {
  const { code, details, message } = error as { code?: unknown; details?: unknown; message?: unknown };
  const bytes = Buffer.from(JSON.stringify({ code, details, message: String(message ?? error) }));
  const out = Buffer.from(data.error);
  out.writeUInt32LE(Math.min(bytes.length, ERROR_BYTES - 4), 0);
  bytes.copy(out, 4, 0, ERROR_BYTES - 4);
  const control = new Int32Array(data.control);
  Atomics.store(control, CONTROL.failed, 1);
  Atomics.notify(control, CONTROL.produced);
}
