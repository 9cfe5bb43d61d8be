import { z } from 'zod';
import { type BertShape, bertConfigFields, checkBertShape } from '../bert/config.js';
import { parseConfig } from '../model-config.js';
import { size } from '../shared/config-fields.js';

/** A Megatron-BERT `config.json`, unchanged; defaults are those of transformers' `MegatronBertConfig`. Unknown keys are kept. */
export const megatronBertConfigSchema = z
  .looseObject({
    ...bertConfigFields,
    model_type: z.literal('megatron-bert').default('megatron-bert'),
    vocab_size: size.default(29056),
    hidden_size: size.default(1024),
    num_hidden_layers: size.default(24),
    num_attention_heads: size.default(16),
    intermediate_size: size.default(4096),
  })
  .superRefine(checkBertShape);

export type MegatronBertConfig = z.output<typeof megatronBertConfigSchema> & BertShape;
/** What `megatronBertConfig()` takes: any subset of the fields. */
export type MegatronBertConfigInput = z.input<typeof megatronBertConfigSchema>;

/** A complete configuration from some of its fields. @throws EasyNlpError MODEL_CONFIG_INVALID */
export function megatronBertConfig(fields: MegatronBertConfigInput = {}): MegatronBertConfig {
  return parseConfig(megatronBertConfigSchema, fields);
}
