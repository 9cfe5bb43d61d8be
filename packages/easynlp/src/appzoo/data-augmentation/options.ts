import { z } from 'zod';
import { option, type PredictConfig } from '../../config/index.js';

/** Options of predicting with data_augmentation beside the common ones; EasyNLP's names in snake case. */
export const dataAugmentationOptions = z.strictObject({
  expansionRate: option(z.int().positive().default(1), {
    description: 'texts made from each row',
    group: 'App',
    easynlp: 'expansion_rate (user_defined_parameters)',
  }),
  maskProportion: option(z.number().gt(0).max(1).default(0.15), {
    description: 'share of the words that are masked and filled in anew, at least one a text',
    group: 'App',
    easynlp: 'mask_proportion (user_defined_parameters)',
  }),
  appendOriginal: option(z.boolean().default(false), {
    description: 'write every row as it was, before the texts made from it',
    group: 'App',
    easynlp: 'append_original (user_defined_parameters)',
  }),
  removeBlanks: option(z.boolean().default(false), {
    description: 'take out blanks, except between Latin letters and digits',
    group: 'App',
    easynlp: 'remove_blanks (user_defined_parameters)',
  }),
  neverKeepSame: option(z.boolean().default(false), {
    description: 'a masked token never comes back: every text differs from its row',
    group: 'App',
  }),
  fillTemperature: option(z.number().nonnegative().default(0), {
    description: 'draw tokens from softmax(logits / fillTemperature); 0 = the most probable, as EasyNLP does',
    group: 'App',
  }),
  topK: option(z.int().positive().optional(), {
    description: 'draw among so many of the most probable tokens only; unset = all',
    group: 'App',
  }),
  seed: option(z.int().nonnegative().default(42), {
    description: 'seed of the masked words and of the tokens that are drawn',
    group: 'App',
  }),
  userDictionary: option(z.string().min(1).optional(), {
    description:
      'words that are masked as a whole beside those of jieba: a word a line, then frequency and part of speech if wanted',
    group: 'App',
    value: 'file',
  }),
  oneCell: option(z.boolean().default(false), {
    description:
      "EasyNLP's layout: all lines of a row first, then appendCols once behind the last; unset = appendCols behind every line",
    group: 'App',
  }),
});

export type AugmentOptions = z.output<typeof dataAugmentationOptions>;
export type DataAugmentationConfig = PredictConfig & AugmentOptions;
