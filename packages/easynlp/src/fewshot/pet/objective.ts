import type { AppContext } from '../../appzoo/app.js';
import type { TrainConfig } from '../../config/index.js';
import type { MethodContext } from '../../trainer/method.js';
import type { Objective } from '../../trainer/objective.js';
import type { PromptModel, PromptSpec } from '../prompt/index.js';
import { promptOf } from '../prompt/index.js';
import { AuxiliaryMlm, readUnlabelled } from './auxiliary-mlm.js';
import { labelWordLoss, vocabularyLoss } from './cloze-loss.js';
import type { PetConfig } from './options.js';

/** α of eq. (5) where there are unlabelled rows: the paper's value (L_MLM is much larger than L_CE). */
const ALPHA = 1e-4;

/**
 * PET's loss for one pattern and verbalizer, eq. (5) of arXiv 2001.07676:
 * L = (1 − α) · L_CE + α · L_MLM.
 */
export async function clozeObjective(
  { config, context, model, runtime, log }: MethodContext,
  name: string,
): Promise<Objective> {
  const { promptLoss, unlabelled, mlmWeight } = config as TrainConfig & PetConfig;
  const prompted = context as AppContext<PromptSpec>;
  // Label words that the tokenizer does not know are found here, before anything is trained.
  await promptOf(prompted);
  const { labels, prompt } = prompted.spec;
  log(
    `label words: ${labels.map((label, i) => `${label} = ${prompt.labelWords![i]!.join('|')}`).join(', ')}`,
  );
  const alpha = mlmWeight ?? (unlabelled.length > 0 ? ALPHA : 0);
  const cloze = promptLoss === 'vocabulary' ? vocabularyLoss : labelWordLoss;
  const own = { name };
  if (alpha === 0) {
    return { ...own, capturable: true, loss: (m, inputs) => ({ loss: cloze(m as PromptModel, inputs) }) };
  }
  const mlm = new AuxiliaryMlm(await readUnlabelled(unlabelled, config, prompted), {
    tokenizer: context.tokenizer,
    runtime,
    seed: config.seed,
    vocabSize: (model as PromptModel).config.vocab_size as number,
  });
  return {
    ...own,
    beforeStep: ({ step }) => mlm.beforeStep(step),
    loss(m, inputs) {
      const ce = cloze(m as PromptModel, inputs);
      const lm = mlm.loss(m as PromptModel, inputs);
      return { loss: ce.mul(1 - alpha).add(lm.mul(alpha)), logs: { cloze: ce, mlm: lm } };
    },
    dispose: () => mlm.dispose(),
  };
}
