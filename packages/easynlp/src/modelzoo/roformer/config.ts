import { z } from 'zod';
import { type BertShape, bertConfigFields, checkBertShape } from '../bert/config.js';
import { parseConfig } from '../model-config.js';
import { size } from '../shared/config-fields.js';

/** A RoFormer `config.json`, unchanged; defaults are those of transformers' `RoFormerConfig`. Unknown keys are kept. */
export const roformerConfigSchema = z
  .looseObject({
    ...bertConfigFields,
    model_type: z.literal('roformer').default('roformer'),
    vocab_size: size.default(50000),
    /** `hidden_size` where it is absent. */
    embedding_size: size.nullish(),
    max_position_embeddings: size.default(1536),
    /** Rotate the values too. */
    rotary_value: z.boolean().default(false),
  })
  .superRefine((config, context) => {
    checkBertShape(config, context);
    if ((config.hidden_size / config.num_attention_heads) % 2 !== 0) {
      context.addIssue({
        code: 'custom',
        path: ['hidden_size'],
        message: 'an even size of heads, which rotary positions turn in pairs',
      });
    }
  });

export type RoFormerConfig = z.output<typeof roformerConfigSchema> & BertShape;
/** What `roformerConfig()` takes: any subset of the fields. */
export type RoFormerConfigInput = z.input<typeof roformerConfigSchema>;

/** A complete configuration from some of its fields. @throws EasyNlpError MODEL_CONFIG_INVALID */
export function roformerConfig(fields: RoFormerConfigInput = {}): RoFormerConfig {
  return parseConfig(roformerConfigSchema, fields);
}
