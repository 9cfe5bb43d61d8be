import { z } from 'zod';
import { checkLabels, parseConfig, sharedConfigFields } from '../model-config.js';

const size = z.number().int().positive();

/** EasyNLP writes lists, and `1,2,3` on its command line. */
const kernelSizes = z.preprocess(
  (value) =>
    typeof value === 'string'
      ? value
          .replace(/[[\]\s]/g, '')
          .split(',')
          .map(Number)
      : value,
  z.array(size).min(1),
);

/** Names that people use for the same fields. */
const OTHER_NAMES = {
  linear_hidden_size: 'hidden_size',
  dropout: 'hidden_dropout_prob',
  embedding_size: 'embed_size',
} as const;

function renamed(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const out: Record<string, unknown> = { ...value };
  for (const [other, name] of Object.entries(OTHER_NAMES)) {
    if (!(other in out)) continue;
    out[name] ??= out[other];
    delete out[other];
  }
  return out;
}

const fields = z
  .looseObject({
    ...sharedConfigFields,
    model_type: z
      .enum(['cnn', 'text-cnn', 'textcnn'])
      .default('cnn')
      .transform(() => 'cnn' as const),
    vocab_size: size.default(21128),
    embed_size: size.default(300),
    /** Channels of each kernel size. */
    conv_dim: size.default(100),
    kernel_sizes: kernelSizes.default([1, 2, 3]),
    /** Units of the layer between pooling and classifier; null for none. */
    hidden_size: size.nullish().default(null),
    hidden_dropout_prob: z.number().min(0).max(1).default(0.5),
    pad_token_id: z.number().int().nonnegative().default(0),
    /** Standard deviation of the embeddings at the start; PyTorch's default for tables trained from scratch. */
    initializer_range: z.number().nonnegative().default(1),
  })
  .superRefine(checkLabels);

/**
 * Configuration of a TextCNN, keys as in EasyNLP's `alibaba-pai/textcnn-*`; `linear_hidden_size` and `dropout` are
 * accepted as other names of `hidden_size` and `hidden_dropout_prob`.
 */
export const textCnnConfigSchema = z.preprocess(renamed, fields);

export type TextCnnConfig = z.output<typeof fields>;
export type TextCnnConfigInput = Partial<z.input<typeof fields>> & {
  readonly linear_hidden_size?: number | null;
  readonly dropout?: number;
};

/**
 * @example
 * textCnnConfig({ vocab_size: 21128, kernel_sizes: [2, 3, 4] }).conv_dim; // 100
 * @throws EasyNlpError MODEL_CONFIG_INVALID
 */
export function textCnnConfig(given: TextCnnConfigInput = {}): TextCnnConfig {
  return parseConfig(textCnnConfigSchema, given);
}
