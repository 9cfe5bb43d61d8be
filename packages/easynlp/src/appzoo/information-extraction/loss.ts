import { cat, type Tensor, tidy, zeros } from '@easynlp/torch';
import type { ModelInputs, ModelOutputs } from '../app.js';

/** Stands for −∞ where no span can be. */
export const NOWHERE = -1e12;

/**
 * Multi-label categorical cross entropy (Su Jianlin 2020, kexue.fm/archives/7359): the mean over rows of
 * log(1 + Σ_neg e^s) + log(1 + Σ_pos e^−s). Right spans shall score above 0, all others below.
 *
 * Duplicates among the right spans count once for each time that they are given.
 *
 * @param scores [R, N] @param gold positions of the right ones [R, P], int64 @param goldMask which of these count [R, P]
 * @returns a scalar
 */
export function multiLabelLoss(scores: Tensor, gold: Tensor, goldMask: Tensor): Tensor {
  return tidy(() => {
    const right = scores.gather(1, gold);
    const zero = zeros([scores.size(0), 1], { dtype: scores.dtype, device: scores.device });
    const notGold = goldMask.logicalNot();
    // What fills up the rows points to a place without a span, which changes nothing here.
    const others = scores.scatter(1, gold, NOWHERE);
    const low = cat([zero, right.neg().maskedFill(notGold, NOWHERE)], { dim: 1 }).logsumexp(1);
    const high = cat([zero, others], { dim: 1 }).logsumexp(1);
    return low.add(high).mean();
  });
}

/** @param outputs `scores` [B, C, T, T] @param inputs as `collateExtraction` makes them, with labels */
export function extractionLoss(outputs: ModelOutputs, inputs: ModelInputs): Tensor {
  return tidy(() => {
    const scores = outputs.scores!;
    const rows = scores.size(0) * scores.size(1);
    const gold = inputs.gold!;
    const depth = gold.size(2);
    return multiLabelLoss(
      scores.reshape([rows, -1]),
      gold.reshape([rows, depth]),
      inputs.goldMask!.reshape([rows, depth]),
    );
  });
}
