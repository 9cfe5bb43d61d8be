import { z } from 'zod';
import { checkLabels, type ModelConfig, parseConfig, sharedConfigFields } from '../model-config.js';

const size = z.number().int().positive();
const probability = z.number().min(0).max(1);

/** Activations of the feed-forward layers, by the names that transformers uses. */
export const BERT_ACTIVATIONS = [
  'gelu',
  'gelu_new',
  'gelu_pytorch_tanh',
  'relu',
  'silu',
  'swish',
  'tanh',
] as const;

/** Fields that BERT shares with its relatives, with the defaults of transformers' `BertConfig`. */
export const bertConfigFields = {
  ...sharedConfigFields,
  vocab_size: size.default(30522),
  hidden_size: size.default(768),
  num_hidden_layers: size.default(12),
  num_attention_heads: size.default(12),
  intermediate_size: size.default(3072),
  hidden_act: z.enum(BERT_ACTIVATIONS).default('gelu'),
  hidden_dropout_prob: probability.default(0.1),
  attention_probs_dropout_prob: probability.default(0.1),
  classifier_dropout: probability.nullish(),
  max_position_embeddings: size.default(512),
  type_vocab_size: size.default(2),
  layer_norm_eps: z.number().positive().default(1e-12),
  pad_token_id: z.number().int().nullish().default(0),
  tie_word_embeddings: z.boolean().default(true),
  position_embedding_type: z.literal('absolute').nullish(),
  is_decoder: z.literal(false).nullish(),
  add_cross_attention: z.literal(false).nullish(),
} as const;

/** What the blocks of BERT read of a configuration; relatives of BERT have it too. */
export interface BertShape extends ModelConfig {
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly intermediate_size: number;
  readonly hidden_act: (typeof BERT_ACTIVATIONS)[number];
  readonly hidden_dropout_prob: number;
  readonly attention_probs_dropout_prob: number;
  readonly classifier_dropout?: number | null | undefined;
  readonly max_position_embeddings: number;
  readonly type_vocab_size: number;
  readonly layer_norm_eps: number;
  readonly pad_token_id?: number | null | undefined;
  readonly tie_word_embeddings: boolean;
}

/** Labels without gaps, and heads that divide the hidden size. */
export function checkBertShape(
  config: ModelConfig & { readonly hidden_size: number; readonly num_attention_heads: number },
  context: z.RefinementCtx,
): void {
  checkLabels(config, context);
  if (config.hidden_size % config.num_attention_heads !== 0) {
    context.addIssue({
      code: 'custom',
      path: ['hidden_size'],
      message: `a multiple of num_attention_heads (${config.num_attention_heads})`,
    });
  }
}

/**
 * A BERT `config.json`, unchanged; defaults are those of transformers' `BertConfig`. Unknown keys are kept.
 *
 * Not supported, and refused rather than ignored: decoders, cross-attention, relative positions.
 */
export const bertConfigSchema = z
  .looseObject({
    ...bertConfigFields,
    // DKPLM (Zhang et al. 2022) adds knowledge in pre-training only, K-BERT (Liu et al. 2020) in what the model reads:
    // their weights are loaded, and saved, as BERT's.
    model_type: z
      .enum(['bert', 'dkplm', 'kbert'])
      .transform(() => 'bert' as const)
      .default('bert'),
  })
  .superRefine(checkBertShape);

export type BertConfig = z.output<typeof bertConfigSchema>;
/** What `bertConfig()` takes: any subset of the fields. */
export type BertConfigInput = z.input<typeof bertConfigSchema>;

/**
 * A complete configuration from some of its fields.
 *
 * @example
 * bertConfig({ vocab_size: 21128 }).hidden_size; // 768
 * @throws EasyNlpError MODEL_CONFIG_INVALID
 */
export function bertConfig(fields: BertConfigInput = {}): BertConfig {
  return parseConfig(bertConfigSchema, fields);
}

const PRESETS = {
  tiny: { num_hidden_layers: 2, hidden_size: 128, num_attention_heads: 2, intermediate_size: 512 },
  mini: { num_hidden_layers: 4, hidden_size: 256, num_attention_heads: 4, intermediate_size: 1024 },
  small: { num_hidden_layers: 4, hidden_size: 512, num_attention_heads: 8, intermediate_size: 2048 },
  base: { num_hidden_layers: 12, hidden_size: 768, num_attention_heads: 12, intermediate_size: 3072 },
} as const;

export type BertPreset = keyof typeof PRESETS;

/** Sizes for models trained from scratch: those of the BERT miniatures, Turc et al. 2019 (arXiv 1908.08962), table 1. */
export function bertPreset(
  name: BertPreset,
  options: { readonly vocabSize: number } & { readonly fields?: BertConfigInput },
): BertConfig {
  return bertConfig({ ...PRESETS[name], ...options.fields, vocab_size: options.vocabSize });
}
