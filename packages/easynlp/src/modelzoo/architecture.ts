import type { nn } from '@easynlp/torch';
import type { z } from 'zod';
import type { Encoder, MaskedLanguageModel, SequenceClassifier, TokenClassifier } from './interfaces.js';
import type { WeightRules } from './load-weights.js';
import type { ModelConfig } from './model-config.js';

/** What a model can be for, with the type that all architectures' models for it share. */
export interface ModelKinds {
  readonly encoder: Encoder;
  readonly sequenceClassification: SequenceClassifier;
  readonly tokenClassification: TokenClassifier;
  /** Logits [B, T, 2]: where an answer begins, and where it ends. */
  readonly questionAnswering: TokenClassifier;
  readonly maskedLm: MaskedLanguageModel;
}
export type ModelKind = keyof ModelKinds;

/** The kinds in words, for messages. */
export const KIND_NAMES: Readonly<Record<ModelKind, string>> = {
  encoder: 'encoding',
  sequenceClassification: 'sequence classification',
  tokenClassification: 'token classification',
  questionAnswering: 'question answering',
  maskedLm: 'masked language modelling',
};

type Build<C> = { readonly [K in ModelKind]?: (config: C, factory: nn.FactoryOptions) => ModelKinds[K] };
type Models<C> = { readonly [K in ModelKind]?: new (config: C, factory: nn.FactoryOptions) => ModelKinds[K] };

/** One row of the table that loading, saving, the CLI and the docs read. */
export interface Architecture {
  /** `model_type` of config.json. */
  readonly modelType: string;
  /** Other spellings of it. */
  readonly aliases: readonly string[];
  /** What people call it. */
  readonly title: string;
  /** Who described it, and where. */
  readonly paper: string;
  /** In what it differs from BERT, in English and Chinese, in a few words. */
  readonly about: { readonly en: string; readonly zh: string };
  readonly schema: z.ZodType<ModelConfig>;
  readonly build: Build<ModelConfig>;
  readonly weights: (config: ModelConfig) => WeightRules;
  /** Tokens of the longest text; null where any length goes. */
  readonly positions: (config: ModelConfig) => number | null;
}

interface Row<C extends ModelConfig> extends Pick<Architecture, 'modelType' | 'title' | 'paper' | 'about'> {
  readonly aliases?: readonly string[];
  readonly schema: z.ZodType<C>;
  readonly models: Models<C>;
  readonly weights: (config: C) => WeightRules;
  /** `max_position_embeddings` by default. */
  readonly positions?: (config: C) => number | null;
}

/** Makes a row of the table. */
export function architecture<C extends ModelConfig>({ models, ...row }: Row<C>): Architecture {
  const build = Object.fromEntries(
    Object.entries(models).map(([kind, Model]) => [
      kind,
      (config: C, factory: nn.FactoryOptions) => new Model(config, factory),
    ]),
  );
  const positions = (config: ModelConfig) =>
    typeof config.max_position_embeddings === 'number' ? config.max_position_embeddings : null;
  // The schema makes the configuration that `build` gets, so the parameter's type is kept by construction.
  return { aliases: [], positions, ...row, build } as unknown as Architecture;
}
