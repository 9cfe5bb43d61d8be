import { z } from 'zod';
import { type BertShape, bertConfigFields, checkBertShape } from '../bert/config.js';
import { checkLabels, parseConfig } from '../model-config.js';

/** A RoBERTa `config.json`, unchanged; defaults are those of transformers' `RobertaConfig`. Unknown keys are kept. */
export const robertaConfigSchema = z
  .looseObject({
    ...bertConfigFields,
    model_type: z.enum(['roberta', 'camembert', 'xlm-roberta']).default('roberta'),
    vocab_size: bertConfigFields.vocab_size.unwrap().default(50265),
    pad_token_id: z.number().int().nonnegative().default(1),
  })
  .superRefine((config, context) => {
    checkBertShape(config, context);
    checkLabels(config, context);
    if (config.max_position_embeddings <= config.pad_token_id + 1) {
      context.addIssue({
        code: 'custom',
        path: ['max_position_embeddings'],
        message: `more than pad_token_id + 1 (${config.pad_token_id + 1}): the first position is the next one`,
      });
    }
  });

export type RobertaConfig = z.output<typeof robertaConfigSchema> & BertShape;
/** What `robertaConfig()` takes: any subset of the fields. */
export type RobertaConfigInput = z.input<typeof robertaConfigSchema>;

/** A complete configuration from some of its fields. @throws EasyNlpError MODEL_CONFIG_INVALID */
export function robertaConfig(fields: RobertaConfigInput = {}): RobertaConfig {
  return parseConfig(robertaConfigSchema, fields);
}

/** Positions begin behind the padding's, so a table of 514 rows serves texts of 512 tokens. */
export function robertaPositions(config: RobertaConfig): number {
  return config.max_position_embeddings - config.pad_token_id - 1;
}
