import { AsyncLocalStorage } from 'node:async_hooks';

let last: Promise<unknown> = Promise.resolve();
let waiting = 0;
const inside = new AsyncLocalStorage<true>();

/**
 * Runs a training when those begun before it in this process have ended: all of them draw from the same random number
 * generators, and two at a time would change each other's results. A training inside of another (a stage, or one that a
 * hook starts) runs at once. Throws the signal's reason when it is aborted while waiting.
 */
export async function oneAtATime<T>(
  work: () => Promise<T>,
  { log = () => {}, signal }: { log?: (line: string) => void; signal?: AbortSignal | undefined } = {},
): Promise<T> {
  if (inside.getStore()) return work();
  const before = last;
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  last = before.then(() => ended);
  if (waiting++ > 0)
    log('waiting for another training of this process: they share the random number generators');
  try {
    await turnOf(before, signal);
    return await inside.run(true, work);
  } finally {
    waiting--;
    end();
  }
}

/** `before` has ended, or the signal is aborted. */
async function turnOf(before: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return void (await before);
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
  });
  signal.addEventListener('abort', abort);
  // Aborted before it began: the training itself ends after its first step, with its state saved.
  try {
    await Promise.race([before, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
