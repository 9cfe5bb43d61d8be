import { TorchError } from '../errors.js';

/** Factor of the base learning rate for the update after `step` updates have been made. */
export type Schedule = (step: number) => number;

export interface ScheduleOptions {
  /** Updates in the whole training. */
  readonly totalSteps: number;
  /** Updates in which the factor rises linearly from 0 to 1. Default 0. */
  readonly warmupSteps?: number;
}

/** Rises through the warm-up, then 1. */
export function constantSchedule(options: { readonly warmupSteps?: number } = {}): Schedule {
  const warmup = options.warmupSteps ?? 0;
  return (step) => (step < warmup ? step / Math.max(1, warmup) : 1);
}

/** Rises through the warm-up, then falls linearly to 0 at `totalSteps`. */
export function linearSchedule(options: ScheduleOptions): Schedule {
  return withWarmup(options, (progress) => Math.max(0, 1 - progress));
}

/** After the warm-up ½·(1 + cos(2π·cycles·progress)); half a cycle (the default) ends at 0. */
export function cosineSchedule(options: ScheduleOptions & { readonly cycles?: number }): Schedule {
  const cycles = options.cycles ?? 0.5;
  return withWarmup(options, (progress) =>
    Math.max(0, 0.5 * (1 + Math.cos(2 * Math.PI * cycles * progress))),
  );
}

/** After the warm-up (1 − end)·(1 − progress)^power + end, where `end` is the factor reached at `totalSteps`. */
export function polynomialSchedule(
  options: ScheduleOptions & { readonly power?: number; readonly end?: number },
): Schedule {
  const { power = 1, end = 0 } = options;
  return withWarmup(options, (progress) => (progress >= 1 ? end : (1 - end) * (1 - progress) ** power + end));
}

function withWarmup(
  { totalSteps, warmupSteps = 0 }: ScheduleOptions,
  after: (progress: number) => number,
): Schedule {
  if (!(totalSteps >= 0) || !(warmupSteps >= 0) || !Number.isFinite(totalSteps)) {
    throw new TorchError(
      'ARGUMENT_INVALID',
      `schedule: totalSteps and warmupSteps must be ≥ 0, got ${totalSteps} and ${warmupSteps}`,
    );
  }
  const rest = Math.max(1, totalSteps - warmupSteps);
  return (step) =>
    step < warmupSteps ? step / Math.max(1, warmupSteps) : after((step - warmupSteps) / rest);
}
