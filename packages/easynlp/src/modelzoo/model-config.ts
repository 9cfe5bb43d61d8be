import { z } from 'zod';
import { EasyNlpError } from '../errors/index.js';

/**
 * Fields that every architecture's `config.json` shares. Keys are written as in the file, because the object *is*
 * the file: what transformers wrote and we do not know is kept and written back.
 */
export const sharedConfigFields = {
  model_type: z.string(),
  architectures: z.array(z.string()).nullish(),
  /** Class index (as text, it is JSON) → label. */
  id2label: z.record(z.string(), z.string()).nullish(),
  label2id: z.record(z.string(), z.number().int()).nullish(),
  /** Only in files without `id2label`; read it through `numLabels()`. */
  num_labels: z.number().int().positive().nullish(),
  initializer_range: z.number().nonnegative().default(0.02),
} as const;

/** What every configuration has, whatever the architecture. */
export interface ModelConfig {
  readonly model_type: string;
  readonly architectures?: readonly string[] | null | undefined;
  readonly id2label?: Readonly<Record<string, string>> | null | undefined;
  readonly label2id?: Readonly<Record<string, number>> | null | undefined;
  readonly num_labels?: number | null | undefined;
  readonly initializer_range: number;
  readonly vocab_size: number;
  readonly [key: string]: unknown;
}

/** Number of classes: as many as `id2label` has, else `num_labels`, else 2 (the default of transformers). */
export function numLabels(config: ModelConfig): number {
  return config.id2label ? Object.keys(config.id2label).length : (config.num_labels ?? 2);
}

/** Labels in the order of their class indices; `LABEL_0` … where the configuration names none. */
export function labelNames(config: ModelConfig): string[] {
  return Array.from({ length: numLabels(config) }, (_, i) => config.id2label?.[String(i)] ?? `LABEL_${i}`);
}

/** A copy of the configuration with other labels: names in order, or just their number. */
export function withLabels<C extends ModelConfig>(config: C, labels: readonly string[] | number): C {
  const names =
    typeof labels === 'number' ? Array.from({ length: labels }, (_, i) => `LABEL_${i}`) : [...labels];
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (names.length === 0 || twice !== undefined) {
    throw new EasyNlpError('MODEL_CONFIG_INVALID', {
      field: 'id2label',
      expected: 'at least one label, each once',
      got: twice === undefined ? 'none' : `"${twice}" twice`,
    });
  }
  const { num_labels: _, ...rest } = config;
  return {
    ...rest,
    id2label: Object.fromEntries(names.map((name, i) => [String(i), name])),
    label2id: Object.fromEntries(names.map((name, i) => [name, i])),
  } as unknown as C;
}

/**
 * Checks a configuration object against an architecture's schema.
 *
 * @throws EasyNlpError MODEL_CONFIG_INVALID naming file, field, what was expected and what was found
 */
export function parseConfig<S extends z.ZodType>(schema: S, value: unknown, file?: string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  let got: unknown = value;
  for (const key of issue.path) got = (got as Record<PropertyKey, unknown> | undefined)?.[key];
  throw new EasyNlpError('MODEL_CONFIG_INVALID', {
    ...(file === undefined ? {} : { file }),
    field: issue.path.map(String).join('.'),
    expected: issue.message.replace(/^Invalid input: expected /, '').replace(/, received .*$/, ''),
    got: got === undefined ? 'nothing' : JSON.stringify(got),
  });
}

/** Refuses `id2label` with gaps: class indices must be 0 … n−1, or logits and labels would not belong together. */
export function checkLabels(config: ModelConfig, context: z.RefinementCtx): void {
  const keys = Object.keys(config.id2label ?? {});
  if (keys.every((key) => /^\d+$/.test(key) && Number(key) < keys.length)) return;
  context.addIssue({
    code: 'custom',
    path: ['id2label'],
    message: `the class indices 0 … ${keys.length - 1} as keys`,
  });
}
