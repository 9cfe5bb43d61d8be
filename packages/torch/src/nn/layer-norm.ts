import type { Tensor } from '../tensor.js';
import { type FactoryOptions, lazy, parameter } from './factory.js';
import * as init from './init.js';
import { Module } from './module.js';
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

  forward(x: Tensor): Tensor {
    return layerNorm(x, this.normalizedShape, this.weight, this.bias, this.eps);
  }
}
