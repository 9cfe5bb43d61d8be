import { z } from 'zod';
import { type BertShape, bertConfigFields, checkBertShape } from '../bert/config.js';
import { parseConfig } from '../model-config.js';
import { probability, size } from '../shared/config-fields.js';

/** Which of the products with positions are added to the scores: content→position, position→content. */
const positionTypes = z.union([z.string(), z.array(z.string())]).nullish();

/** A DeBERTa-v2 `config.json`, unchanged; defaults are those of transformers' `DebertaV2Config`. Unknown keys are kept. */
export const debertaV2ConfigSchema = z
  .looseObject({
    ...bertConfigFields,
    model_type: z.literal('deberta-v2').default('deberta-v2'),
    vocab_size: size.default(128100),
    /** `hidden_size` where it is absent. */
    embedding_size: size.nullish(),
    hidden_size: size.default(1536),
    num_hidden_layers: size.default(24),
    num_attention_heads: size.default(24),
    intermediate_size: size.default(6144),
    type_vocab_size: z.number().int().nonnegative().default(0),
    layer_norm_eps: z.number().positive().default(1e-7),
    relative_attention: z.boolean().default(false),
    /** k of He et al. 2021 §3.1; below 1: `max_position_embeddings`. */
    max_relative_positions: z.number().int().default(-1),
    /** Distances that are told apart in each direction, far ones by their logarithm; below 1: all. */
    position_buckets: z.number().int().default(-1),
    position_biased_input: z.boolean().default(true),
    pos_att_type: positionTypes,
    /** Positions share the projections of content. */
    share_att_key: z.boolean().default(false),
    norm_rel_ebd: z.string().default('none'),
    /** Convolution beside the first layer, of this many tokens; 0: none. */
    conv_kernel_size: z.number().int().nonnegative().default(0),
    conv_groups: size.default(1),
    conv_act: bertConfigFields.hidden_act.unwrap().default('tanh'),
    pooler_hidden_size: size.nullish(),
    pooler_dropout: probability.default(0),
    pooler_hidden_act: bertConfigFields.hidden_act.unwrap().default('gelu'),
    cls_dropout: probability.nullish(),
    /** Whether the masked language model is transformers' older one, `cls.predictions`. */
    legacy: z.boolean().default(true),
  })
  .superRefine((config, context) => {
    checkBertShape(config, context);
    const even = config.conv_kernel_size > 0 && config.conv_kernel_size % 2 === 0;
    if (even) context.addIssue({ code: 'custom', path: ['conv_kernel_size'], message: 'an odd number' });
  });

export type DebertaV2Config = z.output<typeof debertaV2ConfigSchema> & BertShape;
/** What `debertaV2Config()` takes: any subset of the fields. */
export type DebertaV2ConfigInput = z.input<typeof debertaV2ConfigSchema>;

/** A complete configuration from some of its fields. @throws EasyNlpError MODEL_CONFIG_INVALID */
export function debertaV2Config(fields: DebertaV2ConfigInput = {}): DebertaV2Config {
  return parseConfig(debertaV2ConfigSchema, fields);
}

/** Without a table of positions any length goes. */
export function debertaV2Positions(config: DebertaV2Config): number | null {
  return config.position_biased_input ? config.max_position_embeddings : null;
}

/** What the relative positions come to. */
export interface RelativeShape {
  /** Largest distance that is told apart in each direction: the table has twice as many rows. */
  readonly span: number;
  readonly farthest: number;
  readonly buckets: number;
  readonly contentToPosition: boolean;
  readonly positionToContent: boolean;
}

/** null without `relative_attention`. */
export function relativeShape(config: DebertaV2Config): RelativeShape | null {
  if (!config.relative_attention) return null;
  const { max_relative_positions: most, position_buckets: buckets, pos_att_type: given } = config;
  const farthest = most < 1 ? config.max_position_embeddings : most;
  const types = typeof given === 'string' ? given.toLowerCase().split('|') : (given ?? []);
  return {
    span: buckets > 0 ? buckets : farthest,
    farthest,
    buckets,
    contentToPosition: types.map((t) => t.trim()).includes('c2p'),
    positionToContent: types.map((t) => t.trim()).includes('p2c'),
  };
}
