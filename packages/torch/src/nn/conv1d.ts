import { TorchError } from '../errors.js';
import type { Tensor } from '../tensor.js';
import { type FactoryOptions, lazy, parameter } from './factory.js';
import * as init from './init.js';
import { Module } from './module.js';
import type { Parameter } from './parameter.js';

const conv1d = lazy('aten::conv1d');

export interface Conv1dOptions extends FactoryOptions {
  readonly stride?: number;
  readonly padding?: number;
  readonly dilation?: number;
  readonly groups?: number;
  readonly bias?: boolean;
}

/** Cross-correlation along time: [batch, inChannels, time] → [batch, outChannels, time′]. */
export class Conv1d extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: number;
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
  readonly groups: number;
  /** [outChannels, inChannels / groups, kernelSize] */
  weight: Parameter;
  bias: Parameter | null;

  constructor(inChannels: number, outChannels: number, kernelSize: number, options: Conv1dOptions = {}) {
    super();
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = kernelSize;
    this.stride = options.stride ?? 1;
    this.padding = options.padding ?? 0;
    this.dilation = options.dilation ?? 1;
    this.groups = options.groups ?? 1;
    if (!(this.groups >= 1) || inChannels % this.groups !== 0 || outChannels % this.groups !== 0) {
      throw new TorchError(
        'ARGUMENT_INVALID',
        `Conv1d: ${inChannels} → ${outChannels} channels cannot be split into ${this.groups} groups`,
      );
    }
    const perGroup = inChannels / this.groups;
    this.weight = parameter([outChannels, perGroup, kernelSize], options, (t) =>
      init.kaimingUniform_(t, { a: Math.sqrt(5) }),
    );
    const bound = 1 / Math.sqrt(perGroup * kernelSize);
    this.bias =
      options.bias === false
        ? null
        : parameter([outChannels], options, (t) => init.uniform_(t, -bound, bound));
  }

  forward(x: Tensor): Tensor {
    return conv1d(x, this.weight, this.bias, this.stride, this.padding, this.dilation, this.groups);
  }
}
