import { tensor } from '../creation.js';
import { TorchError } from '../errors.js';
import { ops } from '../operator.js';
import { keep, tidy } from '../scope.js';
import {
  type Batch,
  type Cohort,
  type GroupOptions,
  Optimizer,
  type ParamGroup,
  type ParamsInput,
  type StepOptions,
} from './optimizer.js';

export interface AdamOptions extends GroupOptions {
  /** Decay rates of the averages of the gradient and of its square. */
  betas: readonly [number, number];
  /** Added to the denominator. */
  eps: number;
}

export interface AdamSettings {
  /** Operators on lists of tensors (the default) or tensor by tensor. */
  readonly foreach?: boolean;
  /**
   * One kernel for the whole update. By default used on CUDA where libtorch has it. `true` demands it.
   */
  readonly fused?: boolean;
}

type Kind = 'l2' | 'decoupled' | 'decoupled-after';

/** What Adam and AdamW share: Kingma and Ba 2015, algorithm 1. */
abstract class AdamBase<O extends AdamOptions> extends Optimizer<O> {
  protected readonly stateNames = ['exp_avg', 'exp_avg_sq'] as const;
  readonly #fused: boolean | undefined;
  readonly #fusedName: string;
  #options: StepOptions = {};

  constructor(params: ParamsInput<O>, defaults: O, settings: AdamSettings, fusedName: string) {
    super(params, defaults, settings);
    for (const [g, { betas, eps }] of this.groups.entries()) {
      const valid =
        Array.isArray(betas) && betas.length === 2 && betas.every((b) => b >= 0 && b < 1) && eps >= 0;
      if (!valid) {
        throw new TorchError(
          'ARGUMENT_INVALID',
          `optimizer: group ${g} needs two betas in [0, 1) and eps ≥ 0, got betas ${String(betas)}, eps ${eps}`,
        );
      }
    }
    this.#fusedName = fusedName;
    this.#fused = settings.fused ?? (settings.foreach === false ? false : undefined);
    if (settings.fused) ops.get(fusedName); // throws, naming the libtorch version, where it is missing
  }

  protected abstract kindOf(group: ParamGroup<O>): Kind;
  protected abstract correctsBias(group: ParamGroup<O>): boolean;

  override get skipsOnDevice(): boolean {
    return this.groups.every(
      (group) =>
        this.correctsBias(group) &&
        this.kindOf(group) !== 'decoupled-after' &&
        group.params.every((p) => this.#usesFused(p.device)),
    );
  }

  override get capturable(): boolean {
    return this.skipsOnDevice && ops.has(this.#fusedName, 'tensor_lr');
  }

  #usesFused(device: string): boolean {
    return this.#fused ?? (device.startsWith('cuda') && ops.has(this.#fusedName));
  }

  protected override chunkBytes(cohort: Cohort): number {
    return cohort.deviceStep === null ? super.chunkBytes(cohort) : Number.POSITIVE_INFINITY;
  }

  protected override beginCohort(cohort: Cohort, options: StepOptions): void {
    const device = cohort.key.slice(0, cohort.key.indexOf(' '));
    if (!this.#usesFused(device)) return;
    cohort.deviceStep ??= keep(tidy(() => tensor(cohort.step - 1, { device })));
    cohort.deviceStep.add_(1);
    this.#options = options;
    if (options.foundInf) cohort.deviceStep.sub_(options.foundInf.squeezeAll());
  }

  protected override update(group: ParamGroup<O>, cohort: Cohort, batch: Batch): void {
    const {
      betas: [beta1, beta2],
      lr,
      eps,
      weightDecay,
    } = group;
    const kind = this.kindOf(group);
    const correct = this.correctsBias(group);
    const correction1 = correct ? 1 - beta1 ** cohort.step : 1;
    const root2 = correct ? Math.sqrt(1 - beta2 ** cohort.step) : 1;
    const { params, state } = batch;
    const [averages, squares] = state as [Batch['params'], Batch['params']];
    if (cohort.deviceStep !== null && correct) {
      this.#updateFused(group, cohort, batch, kind === 'decoupled-after' ? eps / root2 : eps);
      return;
    }
    const list = this.listOps;
    let { grads } = batch;
    if (weightDecay !== 0) {
      if (kind === 'l2') grads = list.sum(grads, params, weightDecay);
      else if (kind === 'decoupled') list.mul(params, 1 - lr * weightDecay);
    }
    list.mul(averages, beta1);
    list.add(averages, grads, 1 - beta1);
    list.mul(squares, beta2);
    list.addcmul(squares, grads, grads, 1 - beta2);
    // √(v / correction2) + eps = (√v + eps·√correction2) / √correction2: the division moves into the step size and
    // one pass over memory is saved. `transformers` adds eps to the uncorrected root.
    const denominators = list.sqrt(squares);
    list.addScalar(denominators, kind === 'decoupled-after' ? eps : eps * root2);
    list.addcdiv(params, averages, denominators, (-lr * root2) / correction1);
    if (weightDecay !== 0 && kind === 'decoupled-after') list.add(params, params, -lr * weightDecay);
  }

  #updateFused(group: ParamGroup<O>, cohort: Cohort, batch: Batch, eps: number): void {
    const { betas, lr, weightDecay } = group;
    const after = this.kindOf(group) === 'decoupled-after';
    const { foundInf, gradScale } = this.#options;
    const rate = this.deviceRates?.[this.groups.indexOf(group)];
    ops.get(this.#fusedName, rate ? 'tensor_lr' : '').apply([
      batch.params,
      batch.grads,
      ...batch.state,
      [],
      batch.params.map(() => cohort.deviceStep!),
      {
        lr: rate ?? lr,
        beta1: betas[0],
        beta2: betas[1],
        weightDecay: after ? 0 : weightDecay,
        eps,
        amsgrad: false,
        maximize: false,
        ...(foundInf ? { foundInf } : {}),
        ...(gradScale ? { gradScale } : {}),
      },
    ]);
    if (after && weightDecay !== 0) this.listOps.add(batch.params, batch.params, -lr * weightDecay);
  }
}

export interface AdamWOptions extends AdamOptions {
  /**
   * `pytorch` (the default): decay before the update, eps added to the corrected root, as `torch.optim.AdamW`.
   * `transformers`: eps added before the correction, decay of the updated parameters, as EasyNLP and
   * `transformers.AdamW`.
   */
  variant: 'pytorch' | 'transformers';
  /** Divides the averages by 1 − βᵗ. Only with `transformers` may it be off. */
  correctBias: boolean;
}

/** Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2). */
export class AdamW extends AdamBase<AdamWOptions> {
  /** Defaults: lr 1e-3, betas 0.9 and 0.999, eps 1e-8 (1e-6 for `transformers`), weight decay 0.01. */
  constructor(params: ParamsInput<AdamWOptions>, options: Partial<AdamWOptions> & AdamSettings = {}) {
    const { foreach, fused, ...given } = options;
    const defaults: AdamWOptions = {
      lr: 1e-3,
      betas: [0.9, 0.999],
      eps: given.variant === 'transformers' ? 1e-6 : 1e-8,
      weightDecay: 0.01,
      variant: 'pytorch',
      correctBias: true,
      ...defined(given),
    };
    super(params, defaults, { foreach, fused }, 'aten::_fused_adamw_');
  }

  protected override kindOf(group: ParamGroup<AdamWOptions>): Kind {
    return group.variant === 'transformers' ? 'decoupled-after' : 'decoupled';
  }

  protected override correctsBias(group: ParamGroup<AdamWOptions>): boolean {
    return group.correctBias;
  }
}

/** Adam; weight decay is an L2 penalty added to the gradient. */
export class Adam extends AdamBase<AdamOptions> {
  /** Defaults: lr 1e-3, betas 0.9 and 0.999, eps 1e-8, no weight decay. */
  constructor(params: ParamsInput<AdamOptions>, options: Partial<AdamOptions> & AdamSettings = {}) {
    const { foreach, fused, ...given } = options;
    const defaults: AdamOptions = {
      lr: 1e-3,
      betas: [0.9, 0.999],
      eps: 1e-8,
      weightDecay: 0,
      ...defined(given),
    };
    super(params, defaults, { foreach, fused }, 'aten::_fused_adam_');
  }

  protected override kindOf(): Kind {
    return 'l2';
  }

  protected override correctsBias(): boolean {
    return true;
  }
}

/** An option given as undefined is one not given. */
export function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
