import type { z } from 'zod';

/** What the flags, the help pages, the config files and the web forms show about one option. */
export interface OptionMeta {
  /** One line, no full stop; units and the meaning of special values included. */
  readonly description: string;
  /** Heading under which the option is listed. */
  readonly group?: OptionGroup;
  /** Name of the EasyNLP flag that sets the same thing, for people who come from there. */
  readonly easynlp?: string;
  readonly example?: string;
  /** What the value is, for help pages: file, folder, column … */
  readonly value?: string;
}

export const OPTION_GROUPS = [
  'Data',
  'Model',
  'Training',
  'Optimization',
  'Evaluation and checkpoints',
  'Output',
  'Machine',
  'App',
] as const;
export type OptionGroup = (typeof OPTION_GROUPS)[number];

/** Attaches an option's description; call it last, after `.default()` or `.optional()`. */
export function option<T extends z.ZodType>(schema: T, meta: OptionMeta): T {
  return schema.meta({ ...meta }) as T;
}
