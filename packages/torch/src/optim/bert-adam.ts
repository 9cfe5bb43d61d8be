import { TorchError } from '../errors.js';
import { ops } from '../operator.js';
import { defined } from './adam.js';
import {
  type Batch,
  type Cohort,
  type GroupOptions,
  Optimizer,
  type ParamGroup,
  type ParamsInput,
} from './optimizer.js';

export type BertAdamSchedule = 'warmup_linear' | 'warmup_constant' | 'warmup_cosine' | 'none';

export interface BertAdamOptions extends GroupOptions {
  betas: readonly [number, number];
  eps: number;
  /** Every parameter's gradient is clipped to this norm on its own; 0 or less: not at all. */
  maxGradNorm: number;
  schedule: BertAdamSchedule;
  /** Share of `totalSteps` in which the rate rises. */
  warmup: number;
  /** Number of updates the schedule spans; −1: the rate is constant. */
  totalSteps: number;
}

/** Factor of the learning rate at progress x in [0, 1], for warm-up share w. */
const SCHEDULES: Readonly<Record<BertAdamSchedule, (x: number, w: number) => number>> = {
  warmup_linear: (x, w) => (x < w ? x / w : Math.max((x - 1) / (w - 1), 0)),
  warmup_constant: (x, w) => (x < w ? x / w : 1),
  warmup_cosine: (x, w) => (x < w ? x / w : 0.5 * (1 + Math.cos(Math.PI * x))),
  none: () => 1,
};

/**
 * The optimizer of the original BERT: Adam without bias correction, decoupled weight decay, clipping of each
 * parameter by itself, and a schedule of its own.
 */
export class BertAdam extends Optimizer<BertAdamOptions> {
  protected readonly stateNames = ['next_m', 'next_v'] as const;

  /** Defaults: lr 1e-3, betas 0.9 and 0.999, eps 1e-6, weight decay 0.01, clipping at 1, constant rate. */
  constructor(
    params: ParamsInput<BertAdamOptions>,
    options: Partial<BertAdamOptions> & { readonly foreach?: boolean } = {},
  ) {
    const { foreach, ...given } = options;
    super(
      params,
      {
        lr: 1e-3,
        betas: [0.9, 0.999],
        eps: 1e-6,
        weightDecay: 0.01,
        maxGradNorm: 1,
        schedule: 'warmup_linear',
        warmup: -1,
        totalSteps: -1,
        ...defined(given),
      },
      { foreach },
    );
    for (const [g, group] of this.groups.entries()) {
      if (!Object.hasOwn(SCHEDULES, group.schedule)) {
        throw new TorchError(
          'ARGUMENT_INVALID',
          `BertAdam: unknown schedule '${group.schedule}' of group ${g}; known: ${Object.keys(SCHEDULES).join(', ')}`,
        );
      }
      if (!(group.warmup === -1 || (group.warmup >= 0 && group.warmup < 1))) {
        throw new TorchError(
          'ARGUMENT_INVALID',
          `BertAdam: warmup of group ${g} must lie in [0, 1) or be -1, got ${group.warmup}`,
        );
      }
    }
  }

  protected override update(group: ParamGroup<BertAdamOptions>, cohort: Cohort, batch: Batch): void {
    const {
      betas: [beta1, beta2],
      eps,
      weightDecay,
      maxGradNorm,
    } = group;
    const { params, grads, state } = batch;
    const [first, second] = state as [Batch['params'], Batch['params']];
    const list = this.listOps;
    if (maxGradNorm > 0) {
      for (const [i, norm] of list.norms(grads).entries()) {
        const factor = norm.add(1e-6).reciprocal().mul(maxGradNorm).clampMax(1);
        ops.call('aten::mul_', 'Tensor', grads[i]!, factor);
      }
    }
    list.mul(first, beta1);
    list.add(first, grads, 1 - beta1);
    list.mul(second, beta2);
    list.addcmul(second, grads, grads, 1 - beta2);
    const rate = group.lr * factorAt(group, cohort.step - 1);
    const denominators = list.sqrt(second);
    list.addScalar(denominators, eps);
    // p − rate·(m/denominator + decay·p), with the decay taken from the parameter before the update
    if (weightDecay !== 0) list.mul(params, 1 - rate * weightDecay);
    list.addcdiv(params, first, denominators, -rate);
  }
}

function factorAt({ schedule, totalSteps, warmup }: BertAdamOptions, step: number): number {
  return totalSteps === -1 ? 1 : SCHEDULES[schedule](step / totalSteps, warmup);
}
