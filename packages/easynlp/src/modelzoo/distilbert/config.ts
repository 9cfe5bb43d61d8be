import { z } from 'zod';
import { BERT_ACTIVATIONS } from '../bert/config.js';
import { checkLabels, type ModelConfig, parseConfig, sharedConfigFields } from '../model-config.js';
import { probability, size } from '../shared/config-fields.js';

/** A DistilBERT `config.json`, unchanged; defaults are those of transformers' `DistilBertConfig`. Unknown keys are kept. */
export const distilbertConfigSchema = z
  .looseObject({
    ...sharedConfigFields,
    model_type: z.literal('distilbert').default('distilbert'),
    vocab_size: size.default(30522),
    dim: size.default(768),
    n_layers: size.default(6),
    n_heads: size.default(12),
    hidden_dim: size.default(3072),
    activation: z.enum(BERT_ACTIVATIONS).default('gelu'),
    dropout: probability.default(0.1),
    attention_dropout: probability.default(0.1),
    seq_classif_dropout: probability.default(0.2),
    max_position_embeddings: size.default(512),
    pad_token_id: z.number().int().nullish().default(0),
    tie_word_embeddings: z.boolean().default(true),
  })
  .superRefine((config, context) => {
    checkLabels(config, context);
    if (config.dim % config.n_heads !== 0) {
      const message = `a multiple of n_heads (${config.n_heads})`;
      context.addIssue({ code: 'custom', path: ['dim'], message });
    }
  });

export type DistilBertConfig = z.output<typeof distilbertConfigSchema> & ModelConfig;
/** What `distilbertConfig()` takes: any subset of the fields. */
export type DistilBertConfigInput = z.input<typeof distilbertConfigSchema>;

/** A complete configuration from some of its fields. @throws EasyNlpError MODEL_CONFIG_INVALID */
export function distilbertConfig(fields: DistilBertConfigInput = {}): DistilBertConfig {
  return parseConfig(distilbertConfigSchema, fields);
}
