import { EXIT } from '../errors/index.js';
import type { CliIo } from './io.js';

/** Ctrl-C once: the work is asked to save and end. Twice: the process ends at once. */
export interface Interrupt {
  readonly signal: AbortSignal;
  readonly interrupted: () => boolean;
  readonly release: () => void;
}

export function watchInterrupt(io: CliIo, what: string): Interrupt {
  const controller = new AbortController();
  const release = io.onInterrupt(() => {
    if (controller.signal.aborted) {
      io.stderr.write('\nended without saving\n');
      io.kill(EXIT.interrupted);
      return;
    }
    io.stderr.write(`\ninterrupted: ${what}; press Ctrl-C again to end at once\n`);
    controller.abort();
  });
  return { signal: controller.signal, interrupted: () => controller.signal.aborted, release };
}
