import { autocast, autocastState } from '../amp/autocast.js';
import { isFloating } from '../dtype.js';
import { tidy } from '../scope.js';
import type { Tensor } from '../tensor.js';
import { type FactoryOptions, lazy, parameter } from './factory.js';
import * as init from './init.js';
import { type LowPrecisionField, Module } from './module.js';
import type { Parameter } from './parameter.js';

const layerNorm = lazy('aten::layer_norm');

/** Ba et al. 2016: (x − mean) / √(var + eps) · weight + bias over the trailing dimensions `normalizedShape`. */
export class LayerNorm extends Module {
  readonly normalizedShape: readonly number[];
  readonly eps: number;
  weight: Parameter | null;
  bias: Parameter | null;

  constructor(
    normalizedShape: number | readonly number[],
    options: FactoryOptions & {
      readonly eps?: number;
      readonly elementwiseAffine?: boolean;
      readonly bias?: boolean;
    } = {},
  ) {
    super();
    this.normalizedShape = typeof normalizedShape === 'number' ? [normalizedShape] : [...normalizedShape];
    this.eps = options.eps ?? 1e-5;
    const affine = options.elementwiseAffine ?? true;
    this.weight = affine ? parameter(this.normalizedShape, options, init.ones_) : null;
    this.bias =
      affine && options.bias !== false ? parameter(this.normalizedShape, options, init.zeros_) : null;
  }

  override lowPrecisionFields(): readonly LowPrecisionField[] {
    const { weight, bias } = this;
    // With one of the two alone the other would keep another dtype.
    return weight && bias
      ? [
          { field: 'weight', of: [weight] },
          { field: 'bias', of: [bias] },
        ]
      : [];
  }

  forward(x: Tensor): Tensor {
    const { weight, bias } = this;
    const norm = (input: Tensor) => layerNorm(input, this.normalizedShape, weight, bias, this.eps);
    if (weight === null) return norm(x);
    if (weight.dtype === 'float32') {
      // Under autocast a projection before may have given low precision, which the CPU's older kernels do not mix.
      const mixed = x.dtype !== 'float32' && isFloating(x.dtype) && x.device === 'cpu';
      return mixed ? tidy(() => norm(x.to({ dtype: 'float32' }))) : norm(x);
    }
    const { dtype, device } = weight;
    if (!autocastState(device).enabled) return norm(x);
    // Autocast would compute and answer in float32. The kernel accumulates in float32 anyway, and with weights in low
    // precision the answer is wanted in that.
    return autocast({ device, enabled: false }, () => tidy(() => norm(x.to({ dtype }))));
  }
}
