import type { Tensor } from '../tensor.js';
import { type FactoryOptions, parameter } from './factory.js';
import { linear } from './functional.js';
import * as init from './init.js';
import { type LowPrecisionField, Module } from './module.js';
import type { Parameter } from './parameter.js';

/** y = x·Wᵀ + b over the last dimension: […, inFeatures] → […, outFeatures]. */
export class Linear extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;
  /** [outFeatures, inFeatures] */
  weight: Parameter;
  /** [outFeatures], or null */
  bias: Parameter | null;

  constructor(
    inFeatures: number,
    outFeatures: number,
    options: FactoryOptions & { readonly bias?: boolean } = {},
  ) {
    super();
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    this.weight = parameter([outFeatures, inFeatures], options, (t) =>
      init.kaimingUniform_(t, { a: Math.sqrt(5) }),
    );
    const bound = inFeatures > 0 ? 1 / Math.sqrt(inFeatures) : 0;
    this.bias =
      options.bias === false
        ? null
        : parameter([outFeatures], options, (t) => init.uniform_(t, -bound, bound));
  }

  override lowPrecisionFields(): readonly LowPrecisionField[] {
    return [
      { field: 'weight', of: [this.weight] },
      ...(this.bias ? [{ field: 'bias', of: [this.bias] }] : []),
    ];
  }

  forward(x: Tensor): Tensor {
    return linear(x, this.weight, this.bias);
  }
}
