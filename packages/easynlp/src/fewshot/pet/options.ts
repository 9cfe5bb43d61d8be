import { z } from 'zod';
import { option } from '../../config/index.js';
import { labelWordFields, type PromptConfig, patternFields } from '../prompt/index.js';

/** Rows without labels; distillation has the same option. */
export const unlabelledFields = {
  unlabelled: option(z.array(z.string().min(1)).default([]), {
    description: 'data files whose rows need no label',
    group: 'Data',
    value: 'file,…',
  }),
  unlabelledSchema: option(z.string().min(1).optional(), {
    description: 'columns of unlabelled files without a header; unset = schema',
    group: 'Data',
    value: 'columns',
  }),
};

/** What is minimized by methods with label words. */
export const clozeFields = {
  promptLoss: option(z.enum(['label-words', 'vocabulary']).default('label-words'), {
    description:
      'label-words: cross entropy among the labels’ words (PET); vocabulary: of the right word among all tokens (EasyNLP)',
    group: 'Training',
  }),
  mlmWeight: option(z.number().min(0).lt(1).optional(), {
    description:
      'share of the auxiliary language model in the loss; unset = 1e-4 with unlabelled rows, whose text it hides, and 0 without',
    group: 'Training',
  }),
};

export const petOptions = z.strictObject({
  ...patternFields,
  ...labelWordFields,
  ...clozeFields,
  ...unlabelledFields,
});

/** The values that the options have in a configuration. */
export interface PetConfig extends PromptConfig {
  readonly promptLoss: 'label-words' | 'vocabulary';
  readonly mlmWeight?: number | undefined;
  readonly unlabelled: readonly string[];
}
