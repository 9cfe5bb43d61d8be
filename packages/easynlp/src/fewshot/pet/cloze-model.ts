import { tidy } from '@easynlp/torch';
import type { ModelInputs, ModelOutputs } from '../../appzoo/app.js';
import { labelScores, PromptModel } from '../prompt/index.js';

/** PET's model: a masked language model as a classifier. `logits` [B, C] are the scores of the labels' words. */
export class ClozeModel extends PromptModel {
  forward(inputs: ModelInputs): ModelOutputs {
    return tidy(() => ({ logits: labelScores(this.maskLogits(inputs), inputs) }));
  }
}
