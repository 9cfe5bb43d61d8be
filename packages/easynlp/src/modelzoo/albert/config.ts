import { z } from 'zod';
import { type BertShape, bertConfigFields, checkBertShape } from '../bert/config.js';
import { parseConfig } from '../model-config.js';
import { probability, size } from '../shared/config-fields.js';

/** A ALBERT `config.json`, unchanged; defaults are those of transformers' `AlbertConfig`. Unknown keys are kept. */
export const albertConfigSchema = z
  .looseObject({
    ...bertConfigFields,
    model_type: z.literal('albert').default('albert'),
    vocab_size: size.default(30000),
    /** E of Lan et al. 2020 §3.1. */
    embedding_size: size.default(128),
    hidden_size: size.default(4096),
    num_attention_heads: size.default(64),
    intermediate_size: size.default(16384),
    /** Groups of layers; layers of one group share their weights. */
    num_hidden_groups: size.default(1),
    /** Layers that a group applies one after the other each time. */
    inner_group_num: size.default(1),
    hidden_act: bertConfigFields.hidden_act.unwrap().default('gelu_new'),
    hidden_dropout_prob: probability.default(0),
    attention_probs_dropout_prob: probability.default(0),
    classifier_dropout_prob: probability.default(0.1),
  })
  .superRefine(checkBertShape);

export type AlbertConfig = z.output<typeof albertConfigSchema> & BertShape;
/** What `albertConfig()` takes: any subset of the fields. */
export type AlbertConfigInput = z.input<typeof albertConfigSchema>;

/** A complete configuration from some of its fields. @throws EasyNlpError MODEL_CONFIG_INVALID */
export function albertConfig(fields: AlbertConfigInput = {}): AlbertConfig {
  return parseConfig(albertConfigSchema, fields);
}
