import { TorchError } from './errors.js';
import { native } from './native.js';
import { cuda } from './runtime.js';

/**
 * Work on a CUDA device, recorded once and started again with a single launch.
 *
 * What is recorded must not wait for the device or copy from the host, and must use the same memory every time: read
 * its inputs from tensors that were made before and are filled in place. Capture, and run anything that capture
 * should find warmed up, between `enterCaptureStream()` and leaving it.
 */
export class CudaGraph {
  #id: number | null;

  private constructor(id: number) {
    this.#id = id;
  }

  /**
   * Records `fn`; it is not executed. Tensors it makes live in memory that belongs to the graph.
   *
   * Graphs that never run at the same time can share that memory (`shareWith`): what `fn` releases is used again by the
   * other, what it keeps is not. Only what was kept can be read after the other has run.
   */
  static capture(fn: () => void, options: { readonly shareWith?: CudaGraph | undefined } = {}): CudaGraph {
    const { shareWith } = options;
    const id = need(native.cudaGraphBegin)(shareWith ? (shareWith.#id ?? undefined) : undefined);
    const graph = new CudaGraph(id);
    try {
      fn();
    } catch (error) {
      try {
        native.cudaGraphEnd!(id);
      } catch {
        // The capture is broken already; the first error tells why.
      }
      graph.dispose();
      throw error;
    }
    native.cudaGraphEnd!(id);
    return graph;
  }

  /** Queues the recorded work. */
  replay(): void {
    if (this.#id === null) throw new TorchError('ARGUMENT_INVALID', 'CudaGraph: replay after dispose');
    native.cudaGraphReplay!(this.#id);
  }

  dispose(): void {
    if (this.#id !== null) native.cudaGraphRelease!(this.#id);
    this.#id = null;
  }
}

/** Makes a stream of the pool the current one, since the default stream cannot be captured. @returns how to go back. */
export function enterCaptureStream(): () => void {
  need(native.cudaStreamPush)();
  let open = true;
  return () => {
    if (open) native.cudaStreamPop!();
    open = false;
  };
}

function need<T>(fn: T | undefined): T {
  if (!fn) cuda.synchronize(); // throws, saying why there is no CUDA
  return fn!;
}
