import { noGrad } from '../autograd.js';
import { full, tensor, zeros } from '../creation.js';
import type { Device } from '../dtype.js';
import { TorchError } from '../errors.js';
import { native } from '../native.js';
import type { Parameter } from '../nn/parameter.js';
import { ops } from '../operator.js';
import type { GroupOptions, Optimizer } from '../optim/optimizer.js';
import { keep, tidy } from '../scope.js';
import { type Tensor, wrap } from '../tensor.js';

export interface GradScalerOptions {
  readonly device?: Device;
  /** Off, every method does what it would without a scaler. Default true. */
  readonly enabled?: boolean;
  /** Default 65536. */
  readonly initScale?: number;
  /** Factor of the scale after `growthInterval` good steps. Default 2. */
  readonly growthFactor?: number;
  /** Factor of the scale after a step with infinities. Default 0.5. */
  readonly backoffFactor?: number;
  /** Default 2000. */
  readonly growthInterval?: number;
}

/** Plain JSON. */
export interface GradScalerState {
  readonly scale: number;
  readonly growthTracker: number;
}

type AnyOptimizer = Pick<Optimizer<GroupOptions>, 'step' | 'skipsOnDevice'> & {
  readonly groups: readonly { readonly params: readonly Parameter[] }[];
};

/**
 * Loss scaling for float16 (Micikevicius et al. 2018, §3.2), dynamic as in PyTorch: a step whose gradients hold
 * infinities or NaNs is skipped and halves the scale.
 *
 * @example
 * scaler.scale(loss).backward();
 * scaler.unscale_(optimizer);
 * clipGradNorm(parameters, 1);
 * scaler.step(optimizer);
 * scaler.update();
 */
export class GradScaler {
  readonly enabled: boolean;
  readonly #device: Device;
  readonly #growthFactor: number;
  readonly #backoffFactor: number;
  readonly #growthInterval: number;
  #scale: Tensor;
  #growthTracker: Tensor;
  /** Per optimizer since the last `update`: whether infinities were found, and whether it stepped. */
  readonly #seen = new Map<AnyOptimizer, { foundInf: Tensor; stepped: boolean }>();

  constructor(options: GradScalerOptions = {}) {
    this.enabled = options.enabled ?? true;
    this.#device = options.device ?? 'cuda';
    this.#growthFactor = options.growthFactor ?? 2;
    this.#backoffFactor = options.backoffFactor ?? 0.5;
    this.#growthInterval = options.growthInterval ?? 2000;
    const initScale = options.initScale ?? 65536;
    if (!(initScale > 0 && this.#growthFactor > 1 && this.#backoffFactor > 0 && this.#backoffFactor < 1)) {
      throw new TorchError(
        'ARGUMENT_INVALID',
        'GradScaler needs initScale > 0, growthFactor > 1 and backoffFactor in (0, 1)',
      );
    }
    const device = this.enabled ? this.#device : 'cpu';
    this.#scale = keep(full([1], initScale, { device }));
    this.#growthTracker = keep(zeros([1], { dtype: 'int32', device }));
  }

  /** The loss times the scale, to call `backward` on. */
  scale(loss: Tensor): Tensor {
    return this.enabled ? tidy(() => loss.mul(this.#scale.squeezeAll())) : loss;
  }

  /** Divides the gradients by the scale, in place; needed before clipping, else `step` does it. */
  unscale_(optimizer: AnyOptimizer): void {
    if (!this.enabled) return;
    if (this.#seen.has(optimizer)) {
      throw new TorchError(
        'ARGUMENT_INVALID',
        'GradScaler: unscale_ was called already since the last update()',
      );
    }
    noGrad(() =>
      tidy(() => {
        const inverse = this.#scale.to({ dtype: 'float64' }).reciprocal().to({ dtype: 'float32' });
        const foundInf = keep(zeros([1], { device: this.#device }));
        this.#seen.set(optimizer, { foundInf, stepped: false });
        const byKind = new Map<string, Tensor[]>();
        for (const { params } of optimizer.groups) {
          for (const handle of native.getGrads(Float64Array.from(params, (p) => p.handle))) {
            if (handle === null) continue;
            const grad = wrap(handle);
            if (grad.dtype === 'float16') {
              throw new TorchError(
                'ARGUMENT_INVALID',
                'GradScaler: gradients are float16; keep the parameters in float32 and use autocast',
              );
            }
            const kind = `${grad.device} ${grad.dtype}`;
            const list = byKind.get(kind);
            if (list) list.push(grad);
            else byKind.set(kind, [grad]);
          }
        }
        for (const grads of byKind.values()) checkAndUnscale(grads, foundInf, inverse);
      }),
    );
  }

  /** Steps the optimizer unless its gradients hold infinities. Fused optimizers skip without waiting for the device. */
  step(optimizer: AnyOptimizer): void {
    if (!this.enabled) {
      optimizer.step();
      return;
    }
    if (!this.#seen.has(optimizer)) this.unscale_(optimizer);
    const seen = this.#seen.get(optimizer)!;
    if (seen.stepped) {
      throw new TorchError('ARGUMENT_INVALID', 'GradScaler: step was called already since the last update()');
    }
    seen.stepped = true;
    if (optimizer.skipsOnDevice) optimizer.step({ foundInf: seen.foundInf });
    else if (seen.foundInf.item() === 0) optimizer.step();
  }

  /** Adjusts the scale; once after all optimizers have stepped. */
  update(): void {
    if (!this.enabled) return;
    if (this.#seen.size === 0) {
      throw new TorchError('ARGUMENT_INVALID', 'GradScaler: update() without a step() before it');
    }
    noGrad(() =>
      tidy(() => {
        const flags = [...this.#seen.values()].map((s) => s.foundInf);
        const foundInf = flags.reduce((a, b) => a.add(b));
        updateScale(this.#scale, this.#growthTracker, foundInf, {
          growth: this.#growthFactor,
          backoff: this.#backoffFactor,
          interval: this.#growthInterval,
        });
      }),
    );
    for (const { foundInf } of this.#seen.values()) foundInf.dispose();
    this.#seen.clear();
  }

  /** The present scale; waits for the device. */
  getScale(): number {
    return this.enabled ? this.#scale.item() : 1;
  }

  /** Waits for the device. Between `update()` and the next `unscale_` it is complete. */
  stateDict(): GradScalerState {
    return { scale: this.#scale.item(), growthTracker: this.#growthTracker.item() };
  }

  loadStateDict(state: GradScalerState): void {
    this.#scale.fill_(state.scale);
    this.#growthTracker.fill_(state.growthTracker);
  }

  dispose(): void {
    for (const { foundInf } of this.#seen.values()) foundInf.dispose();
    this.#seen.clear();
    this.#scale.dispose();
    this.#growthTracker.dispose();
  }
}

/** libtorch's operators exist for CUDA (and, since 2.3, the CPU); elsewhere the same from single operators. */
function checkAndUnscale(grads: readonly Tensor[], foundInf: Tensor, inverse: Tensor): void {
  const device = grads[0]!.device;
  if (device.startsWith('cuda')) {
    const flag = foundInf.to({ device });
    const name = 'aten::_amp_foreach_non_finite_check_and_unscale_';
    ops.call(name, '', grads, flag, inverse.to({ device }));
    if (flag !== foundInf) foundInf.add_(flag.to({ device: foundInf.device })).clamp_({ max: 1 });
    return;
  }
  const factor = inverse.to({ device }).squeezeAll();
  for (const grad of grads) {
    tidy(() => {
      if (!grad.isfinite().all().item()) foundInf.fill_(1);
      grad.mul_(factor);
    });
  }
}

function updateScale(
  scale: Tensor,
  tracker: Tensor,
  foundInf: Tensor,
  by: { growth: number; backoff: number; interval: number },
): void {
  if (scale.device.startsWith('cuda')) {
    ops.call('aten::_amp_update_scale_', '', scale, tracker, foundInf, by.growth, by.backoff, by.interval);
    return;
  }
  if (foundInf.item() !== 0) {
    scale.mul_(by.backoff);
    tracker.fill_(0);
    return;
  }
  const good = tracker.item() + 1;
  if (good === by.interval) {
    const grown = scale.mul(by.growth);
    if (Number.isFinite(grown.item())) scale.copy_(grown);
    tracker.fill_(0);
  } else tracker.copy_(tensor([good], { dtype: 'int32' }));
}
