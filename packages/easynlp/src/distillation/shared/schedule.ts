import { keep, noGrad, type Tensor, zeros } from '@easynlp/torch';
import type { StepPosition } from '../../trainer/objective.js';

/** A number that is constant, or changes linearly from the first step of training to the last. */
export interface LinearChange {
  readonly start: number;
  readonly end?: number | undefined;
}

/** Value at a step. */
export function changed({ start, end = start }: LinearChange, { step, totalSteps }: StepPosition): number {
  return start + (end - start) * Math.min(1, step / Math.max(1, totalSteps - 1));
}

/** Such a number on the device, where a recorded step reads it: the host writes it anew before each step. */
export class ScheduledScalar {
  /** float32, no dimensions. */
  readonly tensor: Tensor;

  constructor(
    private readonly change: LinearChange,
    device: string,
  ) {
    this.tensor = keep(zeros([], { device }));
    this.write(change.start);
  }

  beforeStep(position: StepPosition): void {
    if (this.change.end !== undefined) this.write(changed(this.change, position));
  }

  private write(value: number): void {
    noGrad(() => this.tensor.fill_(value));
  }

  dispose(): void {
    this.tensor.dispose();
  }
}
