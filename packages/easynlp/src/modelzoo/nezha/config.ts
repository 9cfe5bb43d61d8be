import { z } from 'zod';
import { type BertShape, bertConfigFields, checkBertShape } from '../bert/config.js';
import { parseConfig } from '../model-config.js';
import { probability, size } from '../shared/config-fields.js';

/** A NEZHA `config.json`, unchanged; defaults are those of transformers' `NezhaConfig`. Unknown keys are kept. */
export const nezhaConfigSchema = z
  .looseObject({
    ...bertConfigFields,
    model_type: z.literal('nezha').default('nezha'),
    vocab_size: size.default(21128),
    /** Tokens farther apart than this have the encoding of this distance. */
    max_relative_position: size.default(64),
    classifier_dropout: probability.nullish().default(0.1),
  })
  .superRefine(checkBertShape);

export type NezhaConfig = z.output<typeof nezhaConfigSchema> & BertShape;
/** What `nezhaConfig()` takes: any subset of the fields. */
export type NezhaConfigInput = z.input<typeof nezhaConfigSchema>;

/** A complete configuration from some of its fields. @throws EasyNlpError MODEL_CONFIG_INVALID */
export function nezhaConfig(fields: NezhaConfigInput = {}): NezhaConfig {
  return parseConfig(nezhaConfigSchema, fields);
}

/** Only distances count, and the far ones are alike: any length goes. */
export function nezhaPositions(): null {
  return null;
}
