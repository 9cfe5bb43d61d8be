import { vanillaKd } from '../distillation/vanilla-kd/index.js';
import { vanillaKdOptions } from '../distillation/vanilla-kd/options.js';
import { pet } from '../fewshot/pet/index.js';
import { labelWordFields, patternFields } from '../fewshot/prompt/index.js';
import type { Method } from '../trainer/method.js';

/**
 * Distillation from few rows into a student that answers by a prompt, too (EasyNLP's `fewshot_distillation`): the loss of
 * `kd` over the label words' scores. With `crossTeacher` a row counts as far as a teacher of another domain agrees about
 * it; with `smoothWeight` a made-up teacher helps. A student of a like task's rows is a good `model` to begin with.
 */
export const promptDistillation: Method = {
  name: 'kd_prompt',
  description: "few rows: a small model learns a large one's distributions through a prompt of its own",
  apps: ['text_classify', 'text_match'],
  options: vanillaKdOptions.extend({ ...patternFields, ...labelWordFields }),
  variant: pet.variant!,
  rows: vanillaKd.rows!,
  objective: vanillaKd.objective!,
};
