import { arange, nn, type Tensor, tidy } from '@easynlp/torch';
import type { ModelInputs, ModelOutputs } from '../app.js';

/** Stands for −∞ where no answer can be. */
const NOWHERE = -1e30;

/**
 * Devlin et al. 2019 §4.2: the mean of the cross entropies of the answer's first and last token, over the windows of
 * the batch. Only tokens of the text and [CLS], which stands for "not in this window", are candidates, so that padding
 * does not count.
 *
 * @param outputs `logits` [B, T, 2] @param inputs as `collateReading` makes them, with labels
 */
export function readingLoss(outputs: ModelOutputs, inputs: ModelInputs): Tensor {
  return tidy(() => {
    const logits = outputs.logits!.to({ dtype: 'float32' });
    const length = logits.size(1);
    const places = arange(length, { device: logits.device }).unsqueeze(0); // [1, T]
    const before = places.lt(inputs.contextStarts!.unsqueeze(1));
    const behind = places.ge(inputs.contextEnds!.unsqueeze(1));
    const nowhere = before.logicalOr(behind).logicalAnd(places.gt(0)); // [B, T]
    const loss = (at: 0 | 1, target: Tensor) =>
      nn.functional.crossEntropy(logits.select(2, at).maskedFill(nowhere, NOWHERE), target);
    return loss(0, inputs.startPositions!).add(loss(1, inputs.endPositions!)).mul(0.5);
  });
}
