import { z } from 'zod';
import { type BertShape, bertConfigFields, checkBertShape } from '../bert/config.js';
import { parseConfig } from '../model-config.js';
import { size } from '../shared/config-fields.js';

/** A ERNIE `config.json`, unchanged; defaults are those of transformers' `ErnieConfig`. Unknown keys are kept. */
export const ernieConfigSchema = z
  .looseObject({
    ...bertConfigFields,
    model_type: z.literal('ernie').default('ernie'),
    /** Whether inputs say what task they belong to (ERNIE 2.0 and 3.0). */
    use_task_id: z.boolean().default(false),
    task_type_vocab_size: size.default(3),
  })
  .superRefine(checkBertShape);

export type ErnieConfig = z.output<typeof ernieConfigSchema> & BertShape;
/** What `ernieConfig()` takes: any subset of the fields. */
export type ErnieConfigInput = z.input<typeof ernieConfigSchema>;

/** A complete configuration from some of its fields. @throws EasyNlpError MODEL_CONFIG_INVALID */
export function ernieConfig(fields: ErnieConfigInput = {}): ErnieConfig {
  return parseConfig(ernieConfigSchema, fields);
}
