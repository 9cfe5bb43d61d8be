import { amp, arange, noGrad, type Tensor, tidy } from '@easynlp/torch';

export interface PcclOptions {
  /** m: how far apart positive and negative pairs shall be. Default 0.4. */
  readonly margin?: number;
  /** γ: sharpness; large values look at the hardest pairs only. Default 64. */
  readonly gamma?: number;
  /** k: cost of negative pairs relative to positive ones, whose weights are divided by it. Default 1. */
  readonly k?: number;
}

/** Default margin, γ and k, those of EasyNLP. */
export const PCCL_DEFAULTS = { margin: 0.4, gamma: 64, k: 1 } as const;

/** Cosines of vectors of length 1, [N, H] and [M, H] → [N, M]. Autocast would round them to 8 bits, which γ makes large. */
export function cosines(one: Tensor, other: Tensor): Tensor {
  return tidy(() =>
    amp.autocast({ device: one.device, enabled: false }, () => one.matmul(other.transpose(0, 1))),
  );
}

/** In the place of pairs that do not count: exp() of it is exactly 0, and differences of it are still finite. */
const NOTHING = -1e30;

/**
 * Costs of pairs, without gradients: α_p = max(0, 1 + m − s) / k for positive pairs, α_n = max(0, s + m) for negative
 * ones. A pair costs the more, the further it is from where it should be.
 *
 * @param similarities cosines [N, N]
 */
export function pairCosts(
  similarities: Tensor,
  { margin = PCCL_DEFAULTS.margin, k = PCCL_DEFAULTS.k }: PcclOptions = {},
): { positive: Tensor; negative: Tensor } {
  return noGrad(() =>
    tidy(() => {
      const s = similarities.detach();
      return {
        positive: s
          .neg()
          .add(1 + margin)
          .clampMin(0)
          .div(k),
        negative: s.add(margin).clampMin(0),
      };
    }),
  );
}

/**
 * Pair-wise cost-sensitive contrastive learning, Xu et al. 2022 (arXiv 2204.00166) in the form of EasyNLP's circle loss:
 *
 *     ℓ_p = −γ·α_p·(s_p − (1 − m)),   ℓ_n = γ·α_n·(s_n − m)
 *     L = log(1 + Σ_n exp ℓ_n · Σ_p exp ℓ_p)
 *
 * over all pairs of the batch, each once. A batch without positive or without negative pairs has loss 0 and gradient 0.
 *
 * @param features [N, H], of length 1 each
 * @param labels int [N]
 * @returns a scalar, float32 for features of lower precision
 */
export function pcclLoss(features: Tensor, labels: Tensor, options: PcclOptions = {}): Tensor {
  return tidy(() => {
    const wide = features.dtype === 'float64' ? features : features.to({ dtype: 'float32' });
    const similarities = cosines(wide, wide); // [N, N]
    return pcclOfPairs(similarities, labels, pairCosts(similarities, options), options);
  });
}

/** The same from cosines [N, N] and given costs, so that both can be looked at by themselves. */
export function pcclOfPairs(
  similarities: Tensor,
  labels: Tensor,
  costs: { readonly positive: Tensor; readonly negative: Tensor },
  { margin = PCCL_DEFAULTS.margin, gamma = PCCL_DEFAULTS.gamma }: PcclOptions = {},
): Tensor {
  return tidy(() => {
    const { positive, negative } = pairMasks(labels);
    const p = costs.positive.mul(similarities.sub(1 - margin)).mul(-gamma);
    const n = costs.negative.mul(similarities.sub(margin)).mul(gamma);
    const logSum = (pairs: Tensor, counts: Tensor) =>
      pairs.maskedFill(counts.logicalNot(), NOTHING).reshape([-1]).logsumexp(0);
    return logSum(n, negative).add(logSum(p, positive)).softplus();
  });
}

/** Which entries of [N, N] are pairs, above the diagonal. */
function pairMasks(labels: Tensor): { positive: Tensor; negative: Tensor } {
  const order = arange(labels.size(0), { device: labels.device });
  const once = order.unsqueeze(1).lt(order.unsqueeze(0));
  const same = labels.unsqueeze(1).eq(labels.unsqueeze(0));
  return { positive: same.logicalAnd(once), negative: same.logicalNot().logicalAnd(once) };
}
