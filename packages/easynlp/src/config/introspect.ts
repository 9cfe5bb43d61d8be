import { z } from 'zod';
import type { OptionMeta } from './option.js';

export type FieldKind = 'string' | 'integer' | 'number' | 'boolean' | 'enum' | 'list' | 'list-or-path';

/** One option of a schema, as flags, files and forms need to see it. */
export interface Field {
  readonly key: string;
  readonly kind: FieldKind;
  /** Kind of a list's items. */
  readonly item?: FieldKind;
  readonly choices?: readonly string[];
  readonly required: boolean;
  readonly default?: unknown;
  readonly meta: Partial<OptionMeta>;
}

interface Unwrapped {
  readonly schema: z.ZodType;
  readonly required: boolean;
  readonly default?: unknown;
  readonly meta: Partial<OptionMeta>;
}

/** Peels `.optional()`, `.default()`, `.nullable()` and the like off a field; the outermost description wins. */
function unwrap(outer: z.ZodType): Unwrapped {
  let schema = outer;
  let required = true;
  let fallback: unknown;
  let meta: Partial<OptionMeta> = {};
  for (;;) {
    meta = { ...(schema.meta() as Partial<OptionMeta> | undefined), ...meta };
    if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
      required = false;
      fallback ??= schema.def.defaultValue;
      schema = schema.def.innerType as z.ZodType;
    } else if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) {
      required = false;
      schema = schema.def.innerType as z.ZodType;
    } else if (schema instanceof z.ZodReadonly || schema instanceof z.ZodNonOptional) {
      schema = schema.def.innerType as z.ZodType;
    } else if (schema instanceof z.ZodPipe) {
      schema = schema.def.in as z.ZodType;
    } else {
      return { schema, required, meta, ...(fallback === undefined ? {} : { default: fallback }) };
    }
  }
}

function kindOf(schema: z.ZodType, key: string): Pick<Field, 'kind' | 'item' | 'choices'> {
  if (schema instanceof z.ZodString || schema instanceof z.ZodStringFormat) return { kind: 'string' };
  if (schema instanceof z.ZodNumber) return { kind: schema.isInt ? 'integer' : 'number' };
  if (schema instanceof z.ZodBoolean) return { kind: 'boolean' };
  if (schema instanceof z.ZodEnum) return { kind: 'enum', choices: schema.options.map(String) };
  if (schema instanceof z.ZodArray)
    return { kind: 'list', item: kindOf(schema.def.element as z.ZodType, key).kind };
  if (schema instanceof z.ZodUnion && schema.def.options.some((o) => o instanceof z.ZodArray)) {
    return { kind: 'list-or-path', item: 'string' };
  }
  throw new TypeError(`option ${key}: a ${schema.def.type} cannot be given by flag or file`);
}

/** The options of a command's schema, in the order in which they were written. */
export function fieldsOf(schema: z.ZodObject): Field[] {
  return Object.entries(schema.shape).map(([key, outer]) => {
    const { schema: inner, ...rest } = unwrap(outer as z.ZodType);
    return { key, ...kindOf(inner, key), ...rest };
  });
}
