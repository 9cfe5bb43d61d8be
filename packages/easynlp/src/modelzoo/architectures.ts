import type { nn } from '@easynlp/torch';
import type { z } from 'zod';
import { type BertConfig, bertConfigSchema } from './bert/config.js';
import { BertForMaskedLM, BertForSequenceClassification, BertForTokenClassification } from './bert/heads.js';
import { BertModel, initBertWeights } from './bert/model.js';
import { bertWeightName, isBertHead } from './bert/weights.js';
import type { Encoder, MaskedLanguageModel, SequenceClassifier, TokenClassifier } from './interfaces.js';
import type { WeightRules } from './load-weights.js';
import type { ModelConfig } from './model-config.js';
import { type TextCnnConfig, textCnnConfigSchema } from './text-cnn/config.js';
import { initTextCnnWeights, TextCnnForSequenceClassification } from './text-cnn/model.js';

/** What a model can be for, with the type that all architectures' models for it share. */
export interface ModelKinds {
  readonly encoder: Encoder;
  readonly sequenceClassification: SequenceClassifier;
  readonly tokenClassification: TokenClassifier;
  readonly maskedLm: MaskedLanguageModel;
}
export type ModelKind = keyof ModelKinds;

/** The kinds in words, for messages. */
export const KIND_NAMES: Readonly<Record<ModelKind, string>> = {
  encoder: 'encoding',
  sequenceClassification: 'sequence classification',
  tokenClassification: 'token classification',
  maskedLm: 'masked language modelling',
};

type Build<C> = { readonly [K in ModelKind]?: (config: C, factory: nn.FactoryOptions) => ModelKinds[K] };

/** One row of the table that loading, saving, the CLI and the docs read. */
export interface Architecture {
  /** `model_type` of config.json. */
  readonly modelType: string;
  /** Other spellings of it. */
  readonly aliases: readonly string[];
  readonly schema: z.ZodType<ModelConfig>;
  readonly build: Build<ModelConfig>;
  readonly weights: (config: ModelConfig) => WeightRules;
}

function architecture<C extends ModelConfig>(row: {
  modelType: string;
  aliases?: readonly string[];
  schema: z.ZodType<C>;
  build: Build<C>;
  weights: (config: C) => WeightRules;
}): Architecture {
  // The schema makes the configuration that `build` gets, so the parameter's type is kept by construction.
  return { aliases: [], ...row } as unknown as Architecture;
}

export const ARCHITECTURES: readonly Architecture[] = [
  architecture<BertConfig>({
    modelType: 'bert',
    schema: bertConfigSchema,
    build: {
      encoder: (config, factory) => new BertModel(config, factory),
      sequenceClassification: (config, factory) => new BertForSequenceClassification(config, factory),
      tokenClassification: (config, factory) => new BertForTokenClassification(config, factory),
      maskedLm: (config, factory) => new BertForMaskedLM(config, factory),
    },
    weights: (config) => ({
      nameOf: bertWeightName,
      isHead: isBertHead,
      init: (root, only) => initBertWeights(root, config, only),
    }),
  }),
  architecture<TextCnnConfig>({
    modelType: 'cnn',
    aliases: ['text-cnn', 'textcnn'],
    schema: textCnnConfigSchema,
    build: {
      sequenceClassification: (config, factory) => new TextCnnForSequenceClassification(config, factory),
    },
    weights: (config) => ({
      nameOf: (stored, own) => {
        const plain = stored.replace(/^(?:module\.|_orig_mod\.|backbone\.)+/, '');
        return own.has(plain) ? plain : undefined;
      },
      isHead: (name) => name.startsWith('classifier.'),
      init: (root, only) => initTextCnnWeights(root, config, only),
    }),
  }),
];

/** The row of a `model_type`, or undefined. */
export function findArchitecture(modelType: string): Architecture | undefined {
  return ARCHITECTURES.find((row) => row.modelType === modelType || row.aliases.includes(modelType));
}
