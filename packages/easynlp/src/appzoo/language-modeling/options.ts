import { z } from 'zod';
import { type EvaluateConfig, option, type TrainConfig } from '../../config/index.js';
import { DOCUMENT_LAYOUTS } from '../../datahub/corpus/index.js';
import { MASKING_MODES } from './masking.js';

/** Options of language_modeling beside the common ones; `train` is a corpus here. */
export const languageModelingOptions = z.strictObject({
  train: option(z.string().min(1), {
    description: 'corpus: files, folders or patterns, comma-separated, or a token cache made before',
    group: 'Data',
    easynlp: 'tables (first)',
    example: 'corpus/',
  }),
  layout: option(z.enum(DOCUMENT_LAYOUTS as [string, ...string[]]).default('auto'), {
    description: 'how files hold documents: jsonl, one a line, or separated by blank lines',
    group: 'Data',
  }),
  sourceWeights: option(z.string().min(1).optional(), {
    description:
      'YAML file saying how the sources are mixed (exponent, multipliers, maxRate); unset = by size',
    group: 'Data',
  }),
  heldOut: option(z.number().min(0).lt(1).default(0.005), {
    description: 'share of the documents kept for evaluation',
    group: 'Data',
  }),
  tokenCache: option(z.string().min(1).optional(), {
    description: 'folder for the tokenized corpus, reused when it fits; unset = <output>-tokens',
    group: 'Data',
  }),
  masking: option(z.enum(MASKING_MODES as ['whole-word', 'ngram', 'token']).default('whole-word'), {
    description:
      'what is masked together: words found by jieba, runs of 1 to 4 words as in MacBERT, or single tokens',
    group: 'App',
  }),
  userDictionary: option(z.string().min(1).optional(), {
    description:
      'words that are masked as a whole, and that a tokenizer of words knows, beside those of jieba: a word a line, then frequency and part of speech if wanted',
    group: 'App',
    value: 'file',
  }),
  maskingRate: option(z.number().gt(0).lt(1).default(0.15), {
    description: 'share of the tokens to be found',
    group: 'App',
  }),
});

/** Options of evaluating a language model; `data` is a corpus here. */
export const languageModelingEvaluateOptions = z.strictObject({
  data: option(z.string().min(1), {
    description: 'documents: files, folders or patterns, comma-separated, or a token cache',
    group: 'Data',
    easynlp: 'tables',
    example: 'corpus/',
  }),
  layout: languageModelingOptions.shape.layout,
  heldOut: option(z.number().gt(0).lt(1).optional(), {
    description:
      'evaluate on the documents only that a training with this heldOut kept; unset = on all, of a token cache on those held out',
    group: 'Data',
  }),
  masking: option(z.enum(MASKING_MODES as ['whole-word', 'ngram', 'token']).optional(), {
    description: 'what is masked together; unset = as in training',
    group: 'App',
  }),
  maskingRate: option(z.number().gt(0).lt(1).optional(), {
    description: 'share of the tokens to be found; unset = as in training',
    group: 'App',
  }),
  seed: option(z.int().nonnegative().default(42), {
    description: "seed of the masks; the training's own gives its figures",
    group: 'App',
  }),
});

export type LanguageModelingEvaluateConfig = EvaluateConfig &
  z.output<typeof languageModelingEvaluateOptions>;
export type LanguageModelingConfig = TrainConfig & z.output<typeof languageModelingOptions>;
