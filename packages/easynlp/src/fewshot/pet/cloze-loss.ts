import { nn, type Tensor, tidy } from '@easynlp/torch';
import type { ModelInputs } from '../../appzoo/app.js';
import { labelScores, type PromptModel } from '../prompt/index.js';

/**
 * L_CE of PET (Schick & Schütze 2021, arXiv 2001.07676, §3.1): q_p(l | x) = exp s_p(l | x) / Σ_l' exp s_p(l' | x), and
 * the mean cross entropy of q_p and the gold labels. Words of several tokens have the scores of `labelScores`.
 */
export function labelWordLoss(model: PromptModel, inputs: ModelInputs): Tensor {
  return tidy(() =>
    nn.functional.crossEntropy(labelScores(model.maskLogits(inputs), inputs), inputs.labels!),
  );
}

/**
 * EasyNLP's loss: −mean log softmax(W h)[t] over all [MASK] of the batch, t being the token of the gold label's (first)
 * word there; positions behind the end of a shorter word do not count.
 */
export function vocabularyLoss(model: PromptModel, inputs: ModelInputs): Tensor {
  return tidy(() => {
    const logits = model.maskLogits(inputs); // [B, M, V]
    const targets = inputs.wordTargets!.indexSelect(0, inputs.labels!); // [B, M]
    return nn.functional.crossEntropy(
      logits.reshape([-1, logits.size(-1)]).to({ dtype: 'float32' }),
      targets.reshape([-1]),
      { ignoreIndex: -100 },
    );
  });
}
