import { nn, type Tensor, tidy } from '@easynlp/torch';
import type { ModelInputs, ModelOutputs } from '../app.js';

/** Stands for −∞, but without NaN in gradients. */
const NO_CHOICE = -1e30;

/**
 * Softmax cross entropy over the choices of each question, as `BertForMultipleChoice` of transformers computes it:
 *
 *     L = mean over questions q of −log( exp(s_q,right) / Σ_c exp(s_q,c) )
 *
 * Questions may have different numbers of choices; what is not there counts nothing. Free of branches on values, so that a
 * step can be recorded as a CUDA graph.
 *
 * @param outputs `logits` [N, 1], a score for each sequence
 * @param inputs `choicePlaces` and `choiceMask` [B, C], `labels` [B]
 */
export function multipleChoiceLoss(outputs: ModelOutputs, inputs: ModelInputs): Tensor {
  const { choicePlaces: places, choiceMask: mask, labels } = inputs;
  return tidy(() => {
    const logits = outputs.logits!.reshape([-1]);
    const exact = logits.dtype === 'float64' ? logits : logits.to({ dtype: 'float32' });
    const scores = exact
      .indexSelect(0, places!.reshape([-1]))
      .reshape(places!.shape)
      .maskedFill(mask!.logicalNot(), NO_CHOICE);
    return nn.functional.crossEntropy(scores, labels!);
  });
}
