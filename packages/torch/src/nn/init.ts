import { noGrad } from '../autograd.js';
import { TorchError } from '../errors.js';
import type { Generator } from '../generator.js';
import type { Tensor } from '../tensor.js';

interface Seeded {
  readonly generator?: Generator;
}

/** Fills with uniform numbers of [`from`, `to`). Like all of these it works in place, unrecorded. */
export function uniform_<T extends Tensor>(tensor: T, from = 0, to = 1, options: Seeded = {}): T {
  return noGrad(() => tensor.uniform_({ from, to, ...options }) as T);
}

/** Fills with normally distributed numbers. */
export function normal_<T extends Tensor>(tensor: T, mean = 0, std = 1, options: Seeded = {}): T {
  return noGrad(() => tensor.normal_({ mean, std, ...options }) as T);
}

export function zeros_<T extends Tensor>(tensor: T): T {
  return noGrad(() => tensor.zero_() as T);
}

export function ones_<T extends Tensor>(tensor: T): T {
  return constant_(tensor, 1);
}

export function constant_<T extends Tensor>(tensor: T, value: number): T {
  return noGrad(() => tensor.fill_(value) as T);
}

/** Inputs and outputs of one unit: of the matrix, times the size of the receptive field for convolutions. */
export function fans(tensor: Tensor): { fanIn: number; fanOut: number } {
  const { shape } = tensor;
  if (shape.length < 2) {
    throw new TorchError(
      'ARGUMENT_INVALID',
      `fan in and fan out need a tensor with 2 or more dimensions, this one has shape [${shape.join(', ')}]`,
    );
  }
  const field = shape.slice(2).reduce((a, b) => a * b, 1);
  return { fanIn: shape[1]! * field, fanOut: shape[0]! * field };
}

/**
 * He et al. 2015, eq. 10: uniform with variance gain² / fan in, where gain² = 2 / (1 + a²) for a leaky ReLU of
 * slope `a`. `a = √5` is what PyTorch's `Linear` and `Conv1d` start from.
 */
export function kaimingUniform_<T extends Tensor>(tensor: T, options: Seeded & { a?: number } = {}): T {
  const { a = 0, ...seeded } = options;
  const bound = Math.sqrt(3) * (Math.sqrt(2 / (1 + a ** 2)) / Math.sqrt(fans(tensor).fanIn));
  return uniform_(tensor, -bound, bound, seeded);
}

/** Glorot and Bengio 2010, eq. 16: uniform with variance 2·gain² / (fan in + fan out). */
export function xavierUniform_<T extends Tensor>(tensor: T, gain = 1, options: Seeded = {}): T {
  const bound = Math.sqrt(3) * xavierStd(tensor, gain);
  return uniform_(tensor, -bound, bound, options);
}

/** Glorot and Bengio 2010, with a normal distribution. */
export function xavierNormal_<T extends Tensor>(tensor: T, gain = 1, options: Seeded = {}): T {
  return normal_(tensor, 0, xavierStd(tensor, gain), options);
}

function xavierStd(tensor: Tensor, gain: number): number {
  const { fanIn, fanOut } = fans(tensor);
  return gain * Math.sqrt(2 / (fanIn + fanOut));
}
