import { nn, type Tensor } from '@easynlp/torch';
import type { Unpadding } from '../unpadding.js';

/** What attention may look at: everything, what a bias leaves, or texts that lie one after the other. */
export interface Visible {
  /** Added to the scores. */
  readonly bias: Tensor | null;
  /** The batch is one row of all tokens [1, N, H]. */
  readonly unpadding: Unpadding | null;
}

/** Settings of one attention. */
export interface AttentionSettings {
  readonly dropoutP: number;
  readonly training: boolean;
  /** Give the probabilities too. */
  readonly keepWeights: boolean;
  /** The heads' own size where queries, keys and values are filled with zeros; their last dimension by default. */
  readonly headSize?: number;
}

/** What attention gives: [B, T, H], and the probabilities [B, heads, T, T] if they were asked for. */
export interface Attended {
  readonly context: Tensor;
  readonly weights: Tensor | null;
}

/** Scaled dot-product attention of all heads, Vaswani et al. 2017 eq. 1; `projected` are [B, T, heads, H/heads]. */
export function attend(
  projected: readonly Tensor[],
  { bias, unpadding }: Visible,
  { dropoutP: p, training, keepWeights, headSize = projected[0]!.size(-1) }: AttentionSettings,
): Attended {
  const [batch, length, count] = projected[0]!.shape as [number, number, number];
  const shape = [batch, length, count * headSize];
  const dropoutP = training ? p : 0;
  const scale = 1 / Math.sqrt(headSize);
  /** […, heads, H/heads, or more with zeros] → `shape` */
  const join = (heads: Tensor): Tensor =>
    (heads.size(-1) === headSize ? heads : heads.narrow(-1, 0, headSize)).reshape(shape);
  if (unpadding !== null) {
    const [q, k, v] = projected.map((t) => t.squeeze(0)) as [Tensor, Tensor, Tensor]; // [N, heads, H/heads]
    const { starts, longest } = unpadding;
    const seen = nn.functional.raggedAttention(q, k, v, starts, longest, { dropoutP, scale });
    return { context: join(seen), weights: null };
  }
  const [q, k, v] = projected.map((t) => t.transpose(1, 2)) as [Tensor, Tensor, Tensor]; // [B, heads, T, H/heads]
  if (!keepWeights) {
    const heads = nn.functional.scaledDotProductAttention(q, k, v, { mask: bias, dropoutP, scale });
    return { context: join(heads.transpose(1, 2)), weights: null }; // [B, heads, T, H/heads] → [B, T, H]
  }
  let scores = q.matmul(k.transpose(-2, -1)).mul(scale); // [B, heads, T, T]
  if (bias !== null) scores = scores.add(bias);
  const weights = nn.functional.dropout(scores.softmax(-1), dropoutP, training);
  return { context: join(weights.matmul(v).transpose(1, 2)), weights };
}
