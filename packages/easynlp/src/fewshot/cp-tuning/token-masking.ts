import { arange, full, nn, noGrad, rand, randint, type Tensor, tidy, where } from '@easynlp/torch';

export interface TokenMaskingOptions {
  /** Share of the text's tokens to be found. */
  readonly rate: number;
  readonly maskId: number;
  /** Ids that a token may be replaced by, int64 [n]: all but the special ones. */
  readonly replacements: Tensor;
}

export interface MaskedTokens {
  /** The ids with [TMSK] in them, [B, T]. */
  readonly inputIds: Tensor;
  /** Flat indices (row × T + position) of tokens to be found, int64 [N]; N depends on the shape alone. */
  readonly positions: Tensor;
  /** Their ids, int64 [N]; −100 where a short text has fewer tokens to be found than there are places. */
  readonly labels: Tensor;
}

const NONE = -100;

/**
 * [TMSK]: hides tokens of the text, by the rules of the project's pre-training, on single tokens: exactly
 * `max(1, round(rate × candidates))` of them in each row, of which 80 % become [MASK], 10 % another token, and 10 %
 * stay. Everything is drawn from the device's generator, whose state is part of checkpoints.
 *
 * @param inputIds int [B, T]
 * @param candidates bool [B, T]: the text, without special tokens, prompts and padding
 */
export function maskTokens(
  inputIds: Tensor,
  candidates: Tensor,
  { rate, maskId, replacements }: TokenMaskingOptions,
): MaskedTokens {
  return noGrad(() =>
    tidy(() => {
      const { device } = inputIds;
      const [rows, length] = inputIds.shape as [number, number];
      const most = Math.min(length, Math.max(1, Math.round(rate * length)));
      const scores = rand([rows, length], { device }).maskedFill(candidates.logicalNot(), -1);
      const [drawn, places] = scores.topk(most, { dim: 1 }); // candidates in a random order, then all others
      const number = candidates.to({ dtype: 'float32' }).sum({ dim: [1], keepdim: true });
      const budget = number.mul(rate).add(0.5).floor().clampMin(1); // [B, 1]
      const chosen = arange(most, { device }).lt(budget).logicalAnd(drawn.ge(0)); // [B, K]

      const ids = inputIds.to({ dtype: 'int64' });
      const own = ids.gather(1, places);
      const shape = [rows, most];
      const pick = randint(0, replacements.size(0), [rows * most], { device });
      const other = replacements.indexSelect(0, pick).reshape(shape);
      const fate = rand(shape, { device });
      const masked = full(shape, maskId, { dtype: 'int64', device });
      const changed = where(fate.lt(0.8), masked, where(fate.lt(0.9), other, own));
      const firsts = arange(rows, { device }).mul(length).unsqueeze(1);
      return {
        inputIds: ids.scatter(1, places, where(chosen, changed, own)),
        positions: places.add(firsts).reshape([-1]),
        labels: where(chosen, own, full(shape, NONE, { dtype: 'int64', device })).reshape([-1]),
      };
    }),
  );
}

/** Mean cross entropy of the tokens to be found; 0 where there are none. */
export function maskedTokenLoss(logits: Tensor, labels: Tensor): Tensor {
  return tidy(() => {
    const sum = nn.functional.crossEntropy(logits.to({ dtype: 'float32' }), labels, {
      ignoreIndex: NONE,
      reduction: 'sum',
    });
    return sum.div(labels.ne(NONE).sum().clampMin(1));
  });
}
