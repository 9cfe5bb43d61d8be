import { cuda, getRngState, setRngState, type Tensor } from '@easynlp/torch';
import type { BatchPosition } from '../datahub/index.js';

/** Everything besides tensors that the next step depends on; plain JSON, part of every checkpoint. */
export interface TrainingState {
  /** Optimizer steps done. */
  step: number;
  epoch: number;
  /** Place in the epoch; null at its start. */
  position: BatchPosition | null;
  /** Batches of the epoch that were used; a position only counts those of its window. */
  epochBatches: number;
  /** Steps of the whole training, fixed at its start: the learning rate depends on it. */
  totalSteps: number;
  /** Steps since the last log line; their losses are summed on the device. */
  loggedSteps: number;
  best: {
    readonly step: number;
    readonly value: number;
    readonly metrics: Readonly<Record<string, number | null>>;
  } | null;
  /** Evaluations since the best one. */
  evaluationsWithoutGain: number;
  /** Step of the last evaluation, so that the end does not repeat it. */
  evaluatedAt: number;
}

export function initialState(totalSteps: number): TrainingState {
  return {
    step: 0,
    epoch: 0,
    position: null,
    epochBatches: 0,
    totalSteps,
    loggedSteps: 0,
    best: null,
    evaluationsWithoutGain: 0,
    evaluatedAt: -1,
  };
}

function generatorDevices(device: string): string[] {
  return device === 'cpu'
    ? ['cpu']
    : ['cpu', ...Array.from({ length: cuda.deviceCount() }, (_, i) => `cuda:${i}`)];
}

/** States of all generators that a training on `device` draws from. */
export function captureRng(device: string): Map<string, Tensor> {
  return new Map(generatorDevices(device).map((d) => [`rng.${d}`, getRngState(d)]));
}

export function restoreRng(device: string, states: ReadonlyMap<string, Tensor>): void {
  for (const d of generatorDevices(device)) {
    const state = states.get(`rng.${d}`);
    if (state) setRngState(state, d);
  }
}
