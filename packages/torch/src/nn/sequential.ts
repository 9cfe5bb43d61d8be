import { tidy } from '../scope.js';
import type { Tensor } from '../tensor.js';
import { Module } from './module.js';

/** What a `Sequential` chains: modules with one input and one output, or plain functions. */
export type Step = (Module & { forward(x: Tensor): Tensor }) | ((x: Tensor) => Tensor);

/** Runs its steps one after the other. Modules are named by their position: `0.weight`, `2.weight` … */
export class Sequential extends Module {
  readonly #steps: readonly Step[];

  constructor(...steps: readonly Step[]) {
    super();
    this.#steps = steps;
    for (const [i, step] of steps.entries()) {
      if (step instanceof Module) (this as unknown as Record<number, Module>)[i] = step;
    }
  }

  forward(x: Tensor): Tensor {
    return tidy(() =>
      this.#steps.reduce((y, step) => (step instanceof Module ? step.forward(y) : step(y)), x),
    );
  }
}
