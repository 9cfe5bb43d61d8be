import type { z } from 'zod';
import { EasyNlpError, type ErrorDetails } from '../errors/index.js';
import { nearest } from '../util/nearest.js';
import { COMMAND_SCHEMAS, type CommandName } from './build-schema.js';
import type { ConfigFile } from './config-file.js';
import { type Field, fieldsOf } from './introspect.js';

/** Where the values of options come from. */
export interface OptionSources {
  /** Values given on the command line or by a caller; they win over the file. */
  readonly flags?: Readonly<Record<string, unknown>>;
  readonly file?: ConfigFile | undefined;
  /** How messages write an option: `--learning-rate` on the command line; the key itself by default. */
  readonly nameOf?: ((key: string) => string) | undefined;
}

/** Rules between options: problems of a configuration whose single values are right. `given` are the keys not left out. */
export type OptionChecks = (
  config: Record<string, unknown>,
  given: ReadonlySet<string>,
  nameOf: (key: string) => string,
) => EasyNlpError[];

const isNumeric = (kind: Field['kind'] | undefined): boolean => kind === 'integer' || kind === 'number';

/** Numbers in a YAML file where a string is wanted (labels: [0, 1]) are taken as they were typed. */
function adapt(
  field: Field,
  value: unknown,
  source: (path: readonly (string | number)[]) => string | undefined,
) {
  const asText = (v: unknown, path: readonly (string | number)[]) =>
    typeof v === 'number' || typeof v === 'boolean' ? (source(path) ?? String(v)) : v;
  if (field.kind === 'string' || field.kind === 'enum') return asText(value, [field.key]);
  if (field.kind !== 'list' && field.kind !== 'list-or-path') return value;
  if (Array.isArray(value)) {
    return isNumeric(field.item) ? value : value.map((v, i) => asText(v, [field.key, i]));
  }
  // A single value where a list is wanted: input: a.tsv.
  if (field.kind === 'list' && value !== null && typeof value !== 'object') {
    return [isNumeric(field.item) ? value : asText(value, [field.key])];
  }
  return value;
}

const show = (value: unknown): string => {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
};

/** What a field accepts, in words. */
export function expectation(field: Field): string {
  switch (field.kind) {
    case 'enum':
      return `one of ${field.choices?.join(', ')}`;
    case 'boolean':
      return 'true or false';
    case 'integer':
      return 'a whole number';
    case 'number':
      return 'a number';
    case 'list':
      return isNumeric(field.item) ? 'a list of numbers' : 'a list';
    case 'list-or-path':
      return 'a list or a file name';
    default:
      return 'a text';
  }
}

/** Words for a bound that a number broke ("a whole number > 0"). */
function bounded(field: Field, issue: z.core.$ZodIssue): string {
  const base = expectation(field);
  if (issue.code === 'too_small') {
    if (issue.origin === 'string' || issue.origin === 'array') return 'a value, not an empty one';
    return `${base} ${issue.inclusive ? '≥' : '>'} ${issue.minimum}`;
  }
  if (issue.code === 'too_big') return `${base} ${issue.inclusive ? '≤' : '<'} ${issue.maximum}`;
  if (issue.code === 'invalid_format') return issue.message.replace(/^expected /, '');
  return base;
}

/**
 * The options of one schema from flags, a file and defaults, in that order of precedence.
 *
 * @param command what the options belong to, for messages
 * @throws EasyNlpError CONFIG_UNKNOWN_KEY, CONFIG_INVALID_VALUE, CONFIG_MISSING_VALUE, CONFIG_CONFLICT, or
 * CONFIG_SEVERAL_PROBLEMS when there is more than one.
 */
export function resolveOptions<Schema extends z.ZodObject>(
  schema: Schema,
  command: string,
  { flags = {}, file, nameOf = (key: string) => key }: OptionSources = {},
  checks: OptionChecks = () => [],
): z.output<Schema> {
  const fields = new Map(fieldsOf(schema).map((field) => [field.key, field]));
  const merged: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(file?.values ?? {})) {
    // `key:` with nothing behind it means "not set".
    if (value === null) continue;
    const field = fields.get(key);
    merged[key] = field ? adapt(field, value, (path) => file?.source(path)) : value;
  }
  const fromFlags = new Set<string>();
  for (const [key, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    const field = fields.get(key);
    merged[key] = field ? adapt(field, value, () => undefined) : value;
    fromFlags.add(key);
  }

  const problems: EasyNlpError[] = [];
  const origin = (
    key: string,
    at: 'key' | 'value',
    path: readonly (string | number)[] = [key],
  ): ErrorDetails =>
    fromFlags.has(key) ? {} : { ...(file?.position(path, at) ?? file?.position([key], at)) };
  // A file's key is written as it stands there, a flag as it was typed.
  const written = (key: string): string => (fromFlags.has(key) || file === undefined ? nameOf(key) : key);

  const result = schema.safeParse(merged);
  for (const issue of result.error?.issues ?? []) {
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        const others = (Object.keys(COMMAND_SCHEMAS) as CommandName[]).filter((name) =>
          Object.hasOwn(COMMAND_SCHEMAS[name].shape, key),
        );
        problems.push(
          new EasyNlpError('CONFIG_UNKNOWN_KEY', {
            key,
            ...(others.length > 0
              ? { hint: `It is an option of ${others.join(' and ')}, not of ${command}.` }
              : { suggestion: nearest(key, fields.keys()) ?? undefined }),
            ...origin(key, 'key'),
          }),
        );
      }
      continue;
    }
    const key = String(issue.path[0] ?? '');
    const field = fields.get(key);
    if (!field) {
      problems.push(new EasyNlpError('CONFIG_CONFLICT', { problem: issue.message }));
    } else if (!(key in merged)) {
      problems.push(
        new EasyNlpError('CONFIG_MISSING_VALUE', {
          key: nameOf(key),
          expected: field.meta.description ?? expectation(field),
          ...(field.meta.example === undefined
            ? {}
            : { hint: `For example ${nameOf(key)} ${field.meta.example}` }),
        }),
      );
    } else {
      const path = issue.path.filter((p) => typeof p !== 'symbol');
      const got = path.reduce<unknown>((v, p) => (v as Record<string | number, unknown>)?.[p], merged);
      const suggestion =
        field.choices && typeof got === 'string' ? (nearest(got, field.choices) ?? undefined) : undefined;
      const item = field.item === undefined || path.length === 1 ? field : { ...field, kind: field.item };
      problems.push(
        new EasyNlpError('CONFIG_INVALID_VALUE', {
          key: written(key),
          expected: bounded(item, issue),
          got: show(got),
          suggestion,
          ...origin(key, 'value', path),
        }),
      );
    }
  }
  if (result.success) {
    problems.push(...checks(result.data, new Set(Object.keys(merged)), nameOf));
    if (problems.length === 0) return result.data;
  }
  if (problems.length === 1) throw problems[0];
  throw new EasyNlpError('CONFIG_SEVERAL_PROBLEMS', {
    problems: problems.map((p) => (p.hint ? `${p.message}. ${p.hint}` : p.message)),
    codes: problems.map((p) => p.code),
  });
}
