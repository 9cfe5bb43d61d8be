import { cat, type Tensor, tidy, where, zeros } from '@easynlp/torch';

/**
 * Embeddings in which trained vectors stand in the places of pseudo tokens.
 *
 * @param words [B, T, H]
 * @param pseudoIds int [B, T]: 0 for ordinary tokens, else the number of the vector plus 1
 * @param vectors [P, H]
 */
export function insertPrompts(words: Tensor, pseudoIds: Tensor, vectors: Tensor): Tensor {
  return tidy(() => {
    const { shape, dtype, device } = words;
    const table = cat([zeros([1, shape.at(-1)!], { dtype, device }), vectors.to({ dtype })]); // row 0 for all others
    const flat = pseudoIds.to({ dtype: 'int64' }).reshape([-1]);
    const placed = table.indexSelect(0, flat).reshape(shape);
    return where(pseudoIds.gt(0).unsqueeze(-1), placed, words);
  });
}
