import { cat, nn, type Tensor, tidy } from '@easynlp/torch';

/*
 * Losses of two-tower models. s is the cosine similarity of a pair, y its label: 1 where the two texts match, 0 where
 * they do not. All of them are scalars, zero (with a gradient of zero) where a batch has nothing to learn from, and
 * free of branches on values, so that a step can be recorded as a CUDA graph.
 */

/** Stands for −∞ in a log-sum-exp, but without NaN where nothing is left. */
const NOTHING = -1e30;

export interface PairLossOptions {
  /**
   * Matching and non-matching pairs count alike, however many there are of each: ½ the mean of the ones plus ½ the mean
   * of the others. Default: the mean over all pairs.
   */
  readonly balanced?: boolean;
}

function pairMean(losses: Tensor, y: Tensor, balanced: boolean): Tensor {
  if (losses.numel === 0) return losses.sum();
  if (!balanced) return losses.mean();
  const meanOf = (weight: Tensor) => losses.mul(weight).sum().div(weight.sum().clampMin(1));
  return meanOf(y)
    .add(meanOf(y.mul(-1).add(1)))
    .mul(0.5);
}

/**
 * Hinge embedding loss on the cosine distance d = 1 − s, as `torch.nn.HingeEmbeddingLoss`:
 *
 *     L = y·d + (1 − y)·max(0, m − d)
 *
 * @param s [N] @param y [N] 0 or 1, of the dtype of s @param margin m, the distance that non-matching pairs shall have
 */
export function hingeLoss(s: Tensor, y: Tensor, margin: number, options: PairLossOptions = {}): Tensor {
  return tidy(() => {
    const d = s.mul(-1).add(1);
    const apart = d.mul(-1).add(margin).clampMin(0);
    return pairMean(apart.add(y.mul(d.sub(apart))), y, options.balanced ?? false);
  });
}

/**
 * Cosine embedding loss, as `torch.nn.CosineEmbeddingLoss`:
 *
 *     L = y·(1 − s) + (1 − y)·max(0, s − m)
 *
 * @param margin m, the similarity that non-matching pairs may have (1 − the margin of {@link hingeLoss})
 */
export function cosineLoss(s: Tensor, y: Tensor, margin: number, options: PairLossOptions = {}): Tensor {
  return hingeLoss(s, y, 1 - margin, options);
}

/**
 * Contrastive loss, Hadsell, Chopra and LeCun 2006, "Dimensionality Reduction by Learning an Invariant Mapping",
 * equation 4, with the cosine distance d = 1 − s (their Y is 1 − y):
 *
 *     L = y·½d² + (1 − y)·½·max(0, m − d)²
 */
export function contrastiveLoss(s: Tensor, y: Tensor, margin: number, options: PairLossOptions = {}): Tensor {
  return tidy(() => {
    const d = s.mul(-1).add(1);
    const near = d.mul(d);
    const apart = d.mul(-1).add(margin).clampMin(0);
    const far = apart.mul(apart);
    return pairMean(far.add(y.mul(near.sub(far))).mul(0.5), y, options.balanced ?? false);
  });
}

/** log Σ exp over the elements where `where` [N] is 1. */
function logSumExpWhere(x: Tensor, where: Tensor): Tensor {
  return x.maskedFill(where.eq(0), NOTHING).logsumexp(0);
}

/** log(1 + eˣ) without overflow. */
const softplus = (x: Tensor): Tensor => x.clampMin(0).add(x.abs().mul(-1).exp().log1p());

/**
 * Circle loss, Sun et al. 2020 (arXiv 2002.10857), equation 6 with O_p = 1 + m, O_n = −m, Δ_p = 1 − m and
 * Δ_n = m, over the pairs of a batch: P the similarities of the matching ones, N those of the others.
 *
 *     L = log(1 + Σ_N exp(γ·α_n·(s_n − m)) · Σ_P exp(−γ·α_p·(s_p − 1 + m)))
 *     α_p = max(0, 1 + m − s_p),  α_n = max(0, s_n + m)      (constants: no gradient goes through them)
 *
 * A batch with pairs of one kind only has a loss of 0.
 *
 * @param s [N] @param y [N] 0 or 1 @param gamma γ, 256 in the paper, 32 in EasyNLP's examples
 */
export function circleLoss(s: Tensor, y: Tensor, margin: number, gamma: number): Tensor {
  if (s.numel === 0) return s.sum();
  return tidy(() => {
    const fixed = s.detach();
    const weightP = fixed
      .mul(-1)
      .add(1 + margin)
      .clampMin(0);
    const weightN = fixed.add(margin).clampMin(0);
    const p = s
      .add(margin - 1)
      .mul(weightP)
      .mul(-gamma);
    const n = s.sub(margin).mul(weightN).mul(gamma);
    return softplus(logSumExpWhere(p, y).add(logSumExpWhere(n, y.mul(-1).add(1))));
  });
}

/**
 * CoSENT (Jianlin Su 2022, https://kexue.fm/archives/8847): of any two pairs of the batch, the one with the higher
 * label shall be the more similar one.
 *
 *     L = log(1 + Σ_{y_i > y_j} exp(λ·(s_j − s_i)))
 *
 * Labels may be classes or scores; only their order counts. @param s [N] @param y [N] @param scale λ
 */
export function cosentLoss(s: Tensor, y: Tensor, scale: number): Tensor {
  if (s.numel === 0) return s.sum();
  return tidy(() => {
    const scaled = s.mul(scale);
    const difference = scaled.unsqueeze(0).sub(scaled.unsqueeze(1)); // [i, j]: λ(s_j − s_i)
    const ordered = y.unsqueeze(1).gt(y.unsqueeze(0));
    const terms = difference.maskedFill(ordered.logicalNot(), NOTHING).reshape([-1]);
    return softplus(terms.logsumexp(0));
  });
}

/** {@link cosentLoss} for labels 0 and 1, in N instead of N² terms: Σ over the two kinds of pairs factorizes. */
export function cosentBinaryLoss(s: Tensor, y: Tensor, scale: number): Tensor {
  if (s.numel === 0) return s.sum();
  return tidy(() => {
    const p = logSumExpWhere(s.mul(-scale), y);
    return softplus(p.add(logSumExpWhere(s.mul(scale), y.mul(-1).add(1))));
  });
}

export interface InfoNceInputs {
  /** First texts [B, E], of length 1. */
  readonly first: Tensor;
  /** Second texts [B, E], of length 1. */
  readonly second: Tensor;
  /** 1 where the pair matches [B]; second texts of the others are hard negatives only. */
  readonly labels: Tensor;
  /** Further hard negatives [M, E]. */
  readonly negatives?: Tensor | undefined;
  /** Numbers of the first texts [B], equal ones for equal texts. */
  readonly firstGroups: Tensor;
  /** Numbers of the second texts, then of the negatives [B + M]. */
  readonly groups: Tensor;
}

/**
 * InfoNCE with the other texts of the batch as negatives, van den Oord et al. 2018 (arXiv 1807.03748), equation 4, as
 * used for retrieval by Karpukhin et al. 2020 (arXiv 2004.04906), equation 2; hard negatives as in SimCSE, Gao et al.
 * 2021 (arXiv 2104.08821), equation 5:
 *
 *     L = mean over matching pairs i of −log( exp(s_ii/τ) / (exp(s_ii/τ) + Σ_{j ∈ N(i)} exp(s_ij/τ)) )
 *
 * N(i) are the second texts of all other pairs, of non-matching ones as well, and the negatives; but no text that is
 * known to match: neither a copy of the positive itself, nor another positive of the same first text.
 */
export function infoNceLoss(inputs: InfoNceInputs, temperature: number): Tensor {
  const { first, second, labels, negatives, firstGroups, groups } = inputs;
  const size = first.size(0);
  return tidy(() => {
    const candidates = negatives === undefined ? second : cat([second, negatives]);
    const own = first.mul(second).sum(1).div(temperature); // [B]
    const all = first.matmul(candidates.t()).div(temperature); // [B, B + M]
    // The positive itself has its own number, so that it is taken out here and counted once, as `own`.
    const copies = groups.narrow(0, 0, size).unsqueeze(1).eq(groups.unsqueeze(0));
    const alsoPositive = firstGroups
      .unsqueeze(1)
      .eq(firstGroups.unsqueeze(0))
      .logicalAnd(labels.unsqueeze(0).gt(0.5));
    const third = copies.narrow(1, size, groups.size(0) - size);
    const none = third.ne(third);
    const known = negatives === undefined ? alsoPositive : cat([alsoPositive, none], { dim: 1 });
    const others = all.maskedFill(copies.logicalOr(known), NOTHING);
    const losses = cat([own.unsqueeze(1), others], { dim: 1 })
      .logsumexp(1)
      .sub(own);
    return losses.mul(labels).sum().div(labels.sum().clampMin(1));
  });
}

/**
 * Supervised contrastive loss, Khosla et al. 2020 (arXiv 2004.11362), equation 2: InfoNCE for single texts with
 * classes, every other text of the class a positive.
 *
 *     L = mean over texts i with positives of −1/|P(i)| Σ_{p ∈ P(i)} log( exp(s_ip/τ) / Σ_{a ≠ i} exp(s_ia/τ) )
 *
 * @param vectors [B, E] of length 1 @param classes [B] integers
 */
export function supConLoss(vectors: Tensor, classes: Tensor, temperature: number): Tensor {
  const size = vectors.size(0);
  if (size < 2) return vectors.sum().mul(0);
  return tidy(() => {
    const s = vectors.matmul(vectors.t()).div(temperature);
    const same = classes.unsqueeze(1).eq(classes.unsqueeze(0)).to({ dtype: vectors.dtype });
    // Multiplied by a triangle twice: ones everywhere but on the diagonal.
    const elsewhere = same
      .mul(0)
      .add(1)
      .triu({ diagonal: 1 })
      .add(same.mul(0).add(1).tril({ diagonal: -1 }));
    const log = s.sub(s.maskedFill(elsewhere.eq(0), NOTHING).logsumexp(1, { keepdim: true }));
    const positives = same.mul(elsewhere);
    const count = positives.sum(1);
    const losses = log.mul(positives).sum(1).div(count.clampMin(1)).mul(-1);
    return losses.sum().div(count.gt(0).to({ dtype: vectors.dtype }).sum().clampMin(1));
  });
}

/** Mean squared error between the similarity and a target in [0, 1]; Reimers and Gurevych 2019 (arXiv 1908.10084), §3. */
export function similarityMseLoss(s: Tensor, target: Tensor, options: PairLossOptions = {}): Tensor {
  return tidy(() => {
    const error = s.sub(target);
    return options.balanced
      ? pairMean(error.mul(error), target, true)
      : s.numel === 0
        ? s.sum()
        : nn.functional.mseLoss(s, target);
  });
}
