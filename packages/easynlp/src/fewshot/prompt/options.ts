import { z } from 'zod';
import { option } from '../../config/index.js';

/** Options of the pattern; every method with prompts has them. */
export const patternFields = {
  pattern: option(z.string().min(1).optional(), {
    description:
      'prompt: columns, the label’s name for the word to be found, <pseudo> for a trainable token and text, between commas; text in "…" may hold any character',
    group: 'Training',
    easynlp: 'pattern (user_defined_parameters)',
    example: 'text,是一条商品,label,评。',
  }),
  promptSep: option(z.boolean().default(true), {
    description: 'end a prompted text with [SEP], as in pre-training; EasyNLP does not',
    group: 'Training',
  }),
};

/** Options of the label words. */
export const labelWordFields = {
  labelWords: option(z.union([z.array(z.string().min(1)).min(1), z.string().min(1)]).optional(), {
    description:
      'word of each label in the order of the labels, several with | between them (好|棒,差|糟), or a JSON or YAML file that maps labels to words',
    group: 'Training',
    easynlp: 'label_desc (user_defined_parameters)',
    example: '好,差',
  }),
  maskBlocks: option(z.enum(['longest', 'own']).default('longest'), {
    description:
      'label words of different lengths: longest = one block of [MASK] as long as the longest word, own = for each length a block of its own (a pass each)',
    group: 'Training',
  }),
};

/** The values that these options have in a configuration. */
export interface PromptConfig {
  readonly pattern?: string | undefined;
  readonly promptSep: boolean;
  readonly labelWords?: string | readonly string[] | undefined;
  readonly maskBlocks: 'longest' | 'own';
}
