import { TorchError } from '../errors.js';
import { tidy } from '../scope.js';
import type { Tensor } from '../tensor.js';
import { lazy } from './factory.js';

export {
  type AttentionOptions,
  composedAttention,
  fusedAttention,
  hasFusedAttention,
  scaledDotProductAttention,
} from './attention.js';
export { type RaggedAttentionOptions, raggedAttention } from './ragged-attention.js';

export type Reduction = 'mean' | 'sum' | 'none';

/** PyTorch's numbers of the reductions. */
const REDUCTION: Readonly<Record<Reduction, number>> = { none: 0, mean: 1, sum: 2 };

function reductionOf(reduction: Reduction): number {
  const number = REDUCTION[reduction];
  if (number === undefined) {
    throw new TorchError('ARGUMENT_INVALID', `unknown reduction '${reduction}'; known: mean, sum, none`);
  }
  return number;
}

const ops = {
  crossEntropy: lazy('aten::cross_entropy_loss'),
  bce: lazy('aten::binary_cross_entropy_with_logits'),
  mse: lazy('aten::mse_loss'),
  klDiv: lazy('aten::kl_div'),
  cosine: lazy('aten::cosine_similarity'),
  dropout: lazy('aten::dropout'),
  gelu: lazy('aten::gelu'),
  relu: lazy('aten::relu'),
  silu: lazy('aten::silu'),
  tanh: lazy('aten::tanh'),
  sigmoid: lazy('aten::sigmoid'),
  mish: lazy('aten::mish'),
  leakyRelu: lazy('aten::leaky_relu'),
  linear: lazy('aten::linear'),
  lowLinear: lazy('easynlp::linear'),
};

export interface CrossEntropyOptions {
  /** Weight of every class, [classes]. */
  readonly weight?: Tensor | null;
  /** Targets with this value count for nothing. Default −100. */
  readonly ignoreIndex?: number;
  readonly reduction?: Reduction;
  /** Share of the probability mass spread evenly over all classes (Szegedy et al. 2016, §7). */
  readonly labelSmoothing?: number;
}

/**
 * −log softmax(logits)[target]. `logits` are [batch, classes, …], `target` int64 [batch, …] with class numbers, or
 * probabilities of the shape and dtype of `logits`. With `mean`, every ignored target is left out of the divisor too:
 * when all are ignored the result is NaN, as in PyTorch.
 */
export function crossEntropy(logits: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { weight = null, ignoreIndex = -100, reduction = 'mean', labelSmoothing = 0 } = options;
  return ops.crossEntropy(logits, target, weight, reductionOf(reduction), ignoreIndex, labelSmoothing);
}

/** −y·log σ(x)·posWeight − (1 − y)·log(1 − σ(x)), stable for large |x|; `target` has the dtype of `logits`. */
export function binaryCrossEntropyWithLogits(
  logits: Tensor,
  target: Tensor,
  options: {
    readonly weight?: Tensor | null;
    readonly posWeight?: Tensor | null;
    readonly reduction?: Reduction;
  } = {},
): Tensor {
  const { weight = null, posWeight = null, reduction = 'mean' } = options;
  return ops.bce(logits, target, weight, posWeight, reductionOf(reduction));
}

export function mseLoss(
  input: Tensor,
  target: Tensor,
  options: { readonly reduction?: Reduction } = {},
): Tensor {
  return ops.mse(input, target, reductionOf(options.reduction ?? 'mean'));
}

/**
 * Kullback-Leibler divergence Σ target · (log target − input): `input` are log-probabilities, `target`
 * probabilities, or their logarithms with `logTarget`. `batchmean` divides the sum by the first dimension, which is
 * the divergence's mathematical mean; `mean` divides by the number of elements.
 */
export function klDiv(
  input: Tensor,
  target: Tensor,
  options: { readonly reduction?: Reduction | 'batchmean'; readonly logTarget?: boolean } = {},
): Tensor {
  const { reduction = 'mean', logTarget = false } = options;
  if (reduction !== 'batchmean') return ops.klDiv(input, target, reductionOf(reduction), logTarget);
  return tidy(() => ops.klDiv(input, target, REDUCTION.sum, logTarget).div(input.size(0)));
}

export function cosineSimilarity(
  a: Tensor,
  b: Tensor,
  options: { readonly dim?: number; readonly eps?: number } = {},
): Tensor {
  return ops.cosine(a, b, options.dim ?? 1, options.eps ?? 1e-8);
}

/** Gives `x` itself, not a copy, where there is nothing to drop. */
export function dropout(x: Tensor, p = 0.5, training = true): Tensor {
  return training && p > 0 ? ops.dropout(x, p, true) : x;
}

/** y = x·Wᵀ + b; `weight` is [outFeatures, inFeatures]. */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  // In low precision on CUDA: the same with a faster gradient of the bias.
  if (bias !== null && weight.dtype !== 'float32' && weight.device.startsWith('cuda')) {
    const { dtype } = weight;
    return x.dtype === dtype
      ? ops.lowLinear(x, weight, bias)
      : tidy(() => ops.lowLinear(x.to({ dtype }), weight, bias));
  }
  return ops.linear(x, weight, bias);
}

/** Hendrycks and Gimpel 2016: x·Φ(x), or its tanh approximation. */
export function gelu(x: Tensor, options: { readonly approximate?: 'none' | 'tanh' } = {}): Tensor {
  return ops.gelu(x, options.approximate ?? 'none');
}

export const relu = (x: Tensor): Tensor => ops.relu(x);
export const silu = (x: Tensor): Tensor => ops.silu(x);
export const tanh = (x: Tensor): Tensor => ops.tanh(x);
export const sigmoid = (x: Tensor): Tensor => ops.sigmoid(x);
export const mish = (x: Tensor): Tensor => ops.mish(x);
export const leakyRelu = (x: Tensor, negativeSlope = 0.01): Tensor => ops.leakyRelu(x, negativeSlope);
/** x·σ(1.702·x), the approximation that CLIP uses. */
export const quickGelu = (x: Tensor): Tensor => tidy(() => x.mul(ops.sigmoid(x.mul(1.702))));

const geluTanh = (x: Tensor): Tensor => ops.gelu(x, 'tanh');
const geluExact = (x: Tensor): Tensor => ops.gelu(x, 'none');

/** Activations by the names of Hugging Face's `config.json` (`hidden_act`). */
export const ACTIVATIONS: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  gelu: geluExact,
  gelu_python: geluExact,
  gelu_new: geluTanh,
  gelu_fast: geluTanh,
  gelu_pytorch_tanh: geluTanh,
  quick_gelu: quickGelu,
  relu,
  silu,
  swish: silu,
  tanh,
  sigmoid,
  mish,
  leaky_relu: (x) => leakyRelu(x),
  linear: (x) => x,
};

/** @throws TorchError ARGUMENT_INVALID naming the known activations. */
export function activation(name: string): (x: Tensor) => Tensor {
  const found = Object.hasOwn(ACTIVATIONS, name) ? ACTIVATIONS[name] : undefined;
  if (!found) {
    throw new TorchError(
      'ARGUMENT_INVALID',
      `unknown activation '${name}'; known: ${Object.keys(ACTIVATIONS).join(', ')}`,
    );
  }
  return found;
}
