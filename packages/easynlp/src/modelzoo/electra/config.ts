import { z } from 'zod';
import { type BertShape, bertConfigFields, checkBertShape } from '../bert/config.js';
import { parseConfig } from '../model-config.js';
import { size } from '../shared/config-fields.js';

/** A ELECTRA `config.json`, unchanged; defaults are those of transformers' `ElectraConfig`. Unknown keys are kept. */
export const electraConfigSchema = z
  .looseObject({
    ...bertConfigFields,
    model_type: z.literal('electra').default('electra'),
    embedding_size: size.default(128),
    hidden_size: size.default(256),
    num_attention_heads: size.default(4),
    intermediate_size: size.default(1024),
  })
  .superRefine(checkBertShape);

export type ElectraConfig = z.output<typeof electraConfigSchema> & BertShape;
/** What `electraConfig()` takes: any subset of the fields. */
export type ElectraConfigInput = z.input<typeof electraConfigSchema>;

/** A complete configuration from some of its fields. @throws EasyNlpError MODEL_CONFIG_INVALID */
export function electraConfig(fields: ElectraConfigInput = {}): ElectraConfig {
  return parseConfig(electraConfigSchema, fields);
}
