import { noGrad, type Tensor, tidy } from '@easynlp/torch';

/** Added to the scores of hidden positions: exp() of it is 0, yet a row hiding everything gives no NaN. */
const HIDDEN = { float16: -3e4, default: -1e9 } as const;

/**
 * What attention adds to its scores, once per batch: 0 where the mask is 1, a large negative number where it is 0.
 * @param mask [B, T] or [B, T, T]
 * @returns [B, 1, 1, T] or [B, 1, T, T] in the dtype of `like`
 */
export function attentionBias(mask: Tensor, like: Tensor): Tensor {
  return noGrad(() =>
    tidy(() => {
      const { dtype } = like;
      const [batch, length] = mask.shape as [number, number];
      const hidden = dtype === 'float16' ? HIDDEN.float16 : HIDDEN.default;
      const bias = mask.to({ dtype }).sub(1).mul(-hidden);
      return bias.view(mask.ndim === 3 ? [batch, 1, length, length] : [batch, 1, 1, length]);
    }),
  );
}
