import { ones } from '../creation.js';
import { TorchError } from '../errors.js';
import { ops } from '../operator.js';
import { tidy } from '../scope.js';
import type { Tensor } from '../tensor.js';
import { lazy } from './factory.js';

export interface AttentionOptions {
  /**
   * Broadcast to [batch, heads, queries, keys]: bool, true where a query may look at a key; or floating point, added
   * to the scores. A row without any visible key gives NaN.
   */
  readonly mask?: Tensor | null;
  /** Dropout of the attention probabilities; give 0 in evaluation. */
  readonly dropoutP?: number;
  /** Factor of the scores; 1/√headSize by default. */
  readonly scale?: number;
  /** Query i sees keys 0 … i only. Excludes `mask`. */
  readonly isCausal?: boolean;
}

const FUSED = 'aten::scaled_dot_product_attention';
const softmax = lazy('aten::softmax', 'int');
const dropout = lazy('aten::dropout');
const fused = lazy(FUSED);

let available: boolean | undefined;

/** Whether the linked libtorch has the fused operator (2.x has, 1.13 has not). */
export function hasFusedAttention(): boolean {
  available ??= ops.has(FUSED);
  return available;
}

/**
 * softmax(q·kᵀ·scale + mask)·v (Vaswani et al. 2017, eq. 1) for q [batch, heads, queries, headSize] and k, v
 * [batch, heads, keys, headSize]: by libtorch's fused operator where there is one (flash attention and the
 * memory-efficient kernels on CUDA), from single operators where not.
 */
export function scaledDotProductAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionOptions = {},
): Tensor {
  return hasFusedAttention() ? fusedAttention(q, k, v, options) : composedAttention(q, k, v, options);
}

/** @throws TorchError OPERATOR_MISSING where `hasFusedAttention()` is false. */
export function fusedAttention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  const { dropoutP = 0, isCausal = false } = check(options);
  const op = ops.get(FUSED);
  return tidy(() => {
    let query = q;
    let { mask = null, scale } = options;
    if (mask !== null && mask.dtype !== 'bool' && mask.dtype !== q.dtype) mask = mask.to({ dtype: q.dtype });
    if (scale !== undefined && !op.args.some((arg) => arg.name === 'scale')) {
      query = q.mul(scale * Math.sqrt(q.size(-1))); // 2.0 always divides by √headSize
      scale = undefined;
    }
    const values: unknown[] = [query, k, v, mask, dropoutP, isCausal];
    if (scale !== undefined) values.push(scale);
    return fused(...values);
  });
}

/**
 * The same from single operators. Every intermediate is released as soon as the next exists and the mask is applied
 * in place, so that autograd holds what its formulas need (q, k, v, probabilities, dropout mask) and no scores.
 */
export function composedAttention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  const { mask = null, dropoutP = 0, isCausal = false } = check(options);
  return tidy(() => {
    const scale = options.scale ?? 1 / Math.sqrt(q.size(-1));
    // scaling the queries costs queries × headSize products, scaling the scores queries × keys
    const scores = q.mul(scale).matmul(k.transpose(-2, -1));
    if (isCausal) {
      const hidden = ones([q.size(-2), k.size(-2)], { dtype: 'bool', device: q.device })
        .tril()
        .logicalNot();
      scores.maskedFill_(hidden, Number.NEGATIVE_INFINITY);
    } else if (mask !== null) {
      if (mask.dtype === 'bool') scores.maskedFill_(mask.logicalNot(), Number.NEGATIVE_INFINITY);
      else scores.add_(mask);
    }
    let weights = softmax(scores, -1);
    scores.dispose();
    if (dropoutP > 0) {
      const dropped = dropout(weights, dropoutP, true);
      weights.dispose();
      weights = dropped;
    }
    return weights.matmul(v);
  });
}

function check(options: AttentionOptions): AttentionOptions {
  if (options.isCausal && options.mask) {
    throw new TorchError('ARGUMENT_INVALID', 'attention: give either mask or isCausal, not both');
  }
  return options;
}
