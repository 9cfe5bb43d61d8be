import { TorchError } from './errors.js';
import { native } from './native.js';

export interface MemoryInfo {
  /** Tensor handles alive in this thread. */
  readonly tensors: number;
  /** Bytes of their distinct storages, by device. */
  readonly bytes: Readonly<Record<string, number>>;
}

/** Live tensors of this thread and the bytes behind them. */
export function memory(): MemoryInfo {
  return native.memory();
}

/** Versions and build settings of the linked libtorch. */
export function libtorchInfo(): { version: string; cuda: boolean; config: string; parallel: string } {
  const { compiled, cuda, config, parallel } = native.versions();
  return { version: compiled, cuda, config, parallel };
}

/** Threads that operators on the CPU use; with an argument, sets it. */
export function numThreads(count?: number): number {
  return native.threads(count);
}

/** Lets float32 matrix products on CUDA use TensorFloat-32. */
export function allowTf32(value: boolean): void {
  native.flag('tf32', value);
}

/** Makes operators without a deterministic kernel throw. */
export function useDeterministicAlgorithms(value: boolean): void {
  native.flag('deterministic', value);
}

function needCuda<T>(fn: T | undefined): T {
  if (!fn || native.cudaCount() === 0) {
    const why = native.versions().cuda
      ? native.versions().cudaApi
        ? 'no CUDA device is visible'
        : 'the addon was built without the CUDA headers'
      : `libtorch ${native.versions().compiled} here has no CUDA`;
    throw new TorchError('CUDA_UNAVAILABLE', `CUDA cannot be used: ${why}; "easynlp doctor" tells more.`);
  }
  return fn;
}

export interface CudaMemory {
  readonly allocated: number;
  readonly allocatedPeak: number;
  readonly reserved: number;
  readonly reservedPeak: number;
  readonly free: number;
  readonly total: number;
  readonly name: string;
}

export const cuda = {
  isAvailable: (): boolean => native.cudaCount() > 0,
  deviceCount: (): number => native.cudaCount(),
  /** Waits for all work queued on the device. */
  synchronize: (device?: number): void => needCuda(native.cudaSynchronize)(device),
  /** Bytes allocated by tensors and reserved by the caching allocator, and those of the whole device. */
  memory: (device?: number): CudaMemory => needCuda(native.cudaMemory)(device),
  emptyCache: (): void => needCuda(native.cudaEmptyCache)(),
  resetPeakMemory: (device?: number): void => needCuda(native.cudaResetPeak)(device),
};
