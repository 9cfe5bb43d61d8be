import { TorchError } from '../errors.js';
import { defined } from './adam.js';
import {
  type Batch,
  type Cohort,
  type GroupOptions,
  Optimizer,
  type ParamGroup,
  type ParamsInput,
} from './optimizer.js';

export interface SGDOptions extends GroupOptions {
  momentum: number;
  dampening: number;
  nesterov: boolean;
}

/** Stochastic gradient descent with momentum as PyTorch defines it: b ← μ·b + (1 − dampening)·g, p ← p − lr·b. */
export class SGD extends Optimizer<SGDOptions> {
  protected readonly stateNames: readonly string[];

  /** Defaults: lr 1e-3, everything else 0. Momentum on or off is decided here, for all groups. */
  constructor(
    params: ParamsInput<SGDOptions>,
    options: Partial<SGDOptions> & { readonly foreach?: boolean } = {},
  ) {
    const { foreach, ...given } = options;
    super(
      params,
      { lr: 1e-3, weightDecay: 0, momentum: 0, dampening: 0, nesterov: false, ...defined(given) },
      { foreach },
    );
    for (const [g, group] of this.groups.entries()) {
      if (!(group.momentum >= 0) || (group.nesterov && (group.momentum === 0 || group.dampening !== 0))) {
        throw new TorchError(
          'ARGUMENT_INVALID',
          `SGD: group ${g} needs momentum ≥ 0, and nesterov needs momentum > 0 without dampening`,
        );
      }
    }
    this.stateNames = this.groups.some((group) => group.momentum > 0) ? ['momentum_buffer'] : [];
  }

  protected override update(group: ParamGroup<SGDOptions>, cohort: Cohort, batch: Batch): void {
    const { lr, weightDecay, momentum, dampening, nesterov } = group;
    const list = this.listOps;
    const { params } = batch;
    let { grads } = batch;
    if (weightDecay !== 0) grads = list.sum(grads, params, weightDecay);
    if (momentum !== 0) {
      const [buffers] = batch.state as [Batch['params']];
      // the first gradient fills the zeroed buffer undamped
      list.mul(buffers, momentum);
      list.add(buffers, grads, cohort.step === 1 ? 1 : 1 - dampening);
      grads = nesterov ? list.sum(grads, buffers, momentum) : buffers;
    }
    list.add(params, grads, -lr);
  }
}
