import { TorchError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { dropout } from './functional.js';
import { Module } from './module.js';

/**
 * Srivastava et al. 2014: zeroes elements with probability `p` in training and scales the others by 1 / (1 − p).
 * In evaluation, or with p = 0, it gives the very tensor it got.
 */
export class Dropout extends Module {
  p: number;

  constructor(p = 0.5) {
    super();
    if (!(p >= 0 && p <= 1)) {
      throw new TorchError('ARGUMENT_INVALID', `Dropout: the probability must lie in [0, 1], got ${p}`);
    }
    this.p = p;
  }

  forward(x: Tensor): Tensor {
    return dropout(x, this.p, this.training);
  }
}
