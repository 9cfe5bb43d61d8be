import { type Tensor, tidy } from '@easynlp/torch';

/**
 * Mean squared error of hidden states over the tokens that are no padding (Jiao et al. 2020, eq. 8 and 9).
 *
 * @param student [B, T, H], @param teacher the same
 * @param tokens float32 [B, T], 1 for tokens, 0 for padding; null = no padding
 */
export function hiddenLoss(student: Tensor, teacher: Tensor, tokens: Tensor | null): Tensor {
  return tidy(() => {
    const error = student
      .to({ dtype: 'float32' })
      .sub(teacher.to({ dtype: 'float32' }))
      .square();
    const perToken = error.mean({ dim: [-1] }); // [B, T]
    return tokens === null ? perToken.mean() : perToken.mul(tokens).sum().div(tokens.sum());
  });
}

/**
 * Squared error of attention probabilities, summed over the tokens that a query looks at, and averaged over heads and
 * queries that are no padding (Jiao et al. 2020, eq. 7, on the probabilities). Where the numbers of heads differ, the
 * heads' means are compared.
 *
 * @param student [B, heads, T, T], @param teacher [B, other heads, T, T], @param tokens as for `hiddenLoss`
 */
export function attentionLoss(student: Tensor, teacher: Tensor, tokens: Tensor | null): Tensor {
  return tidy(() => {
    const alike = student.size(1) === teacher.size(1);
    const [s, t] = [student, teacher].map((x) => {
      const exact = x.to({ dtype: 'float32' });
      return alike ? exact : exact.mean({ dim: [1], keepdim: true });
    }) as [Tensor, Tensor];
    // Padding gets no attention from either, so that only its queries have to be left out.
    const perQuery = s
      .sub(t)
      .square()
      .sum({ dim: [-1] })
      .mean({ dim: [1] }); // [B, T]
    return tokens === null ? perQuery.mean() : perQuery.mul(tokens).sum().div(tokens.sum());
  });
}
