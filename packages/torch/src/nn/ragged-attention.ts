import { arange } from '../creation.js';
import { ops } from '../operator.js';
import { tidy } from '../scope.js';
import type { Tensor } from '../tensor.js';
import { composedAttention } from './attention.js';

const FLASH = 'aten::_flash_attention_forward';

export interface RaggedAttentionOptions {
  /** Dropout of the attention probabilities; give 0 in evaluation. */
  readonly dropoutP?: number;
  /** Factor of the scores; 1/√headSize by default. */
  readonly scale?: number;
}

/**
 * Attention within texts that lie one after the other without padding: q, k and v are [tokens, heads, headSize], text i
 * holds the tokens `starts[i]` … `starts[i + 1]` − 1. Every token must belong to a text.
 *
 * In low precision on CUDA this is libtorch's flash attention for variable lengths, which reads `starts` on the device;
 * elsewhere the same with a mask, at the price of tokens² scores: meant for tests.
 *
 * @param starts int32 [texts + 1], rising from 0 to the number of tokens
 * @param longest no text is longer than this; a larger number costs time only
 */
export function raggedAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  starts: Tensor,
  longest: number,
  options: RaggedAttentionOptions = {},
): Tensor {
  const { dropoutP = 0, scale = 1 / Math.sqrt(q.size(-1)) } = options;
  return tidy(() => {
    if (q.device.startsWith('cuda') && q.dtype !== 'float32' && ops.has(FLASH)) {
      const size = q.size(-1);
      // The kernels need head sizes that are multiples of 8; zeros at the end change no product.
      const pad = (8 - (size % 8)) % 8;
      const [query, key, value] = [q, k, v].map((t) => (pad ? t.constantPadNd([0, pad]) : t));
      const [output] = ops
        .get(FLASH)
        .apply([
          query,
          key,
          value,
          starts,
          starts,
          longest,
          longest,
          dropoutP,
          false,
          false,
          { scale },
        ]) as readonly Tensor[];
      return pad ? output!.narrow(-1, 0, size) : output!;
    }
    const tokens = arange(q.size(0), { dtype: 'int32', device: q.device });
    // The number of the text of every token: how many texts have begun up to there.
    const text = tokens
      .unsqueeze(1)
      .ge(starts.unsqueeze(0))
      .sum({ dim: [1] });
    const mask = text.unsqueeze(1).eq(text.unsqueeze(0)); // [tokens, tokens]
    const [query, key, value] = [q, k, v].map((t) => t.transpose(0, 1).unsqueeze(0)); // [1, heads, tokens, headSize]
    return composedAttention(query!, key!, value!, { mask, dropoutP, scale }).squeeze(0).transpose(0, 1);
  });
}
