import { type Command, Option } from 'commander';
import type { z } from 'zod';
import { expectation, type Field, fieldsOf, OPTION_GROUPS } from '../config/index.js';
import { EasyNlpError } from '../errors/index.js';

/** One flag of the command line, made from one option of a schema. */
export interface FlagSpec {
  /** Key of the option in the configuration. */
  readonly key: string;
  /** `--learning-rate` */
  readonly flag: string;
  readonly field: Field;
  readonly group: string;
  /** What --help shows behind the flag. */
  readonly description: string;
  /** `<number>`; empty for switches. */
  readonly argument: string;
}

/** learningRate → --learning-rate */
export function flagName(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

const ARGUMENTS: Record<Field['kind'], string> = {
  string: '<text>',
  integer: '<n>',
  number: '<x>',
  boolean: '',
  enum: '<name>',
  list: '<a,b,…>',
  'list-or-path': '<a,b,…|file>',
};

function showDefault(value: unknown): string {
  if (Array.isArray(value)) return value.join(',');
  // 5e-5, as people write it; JavaScript says 0.00005.
  return typeof value === 'number' && value !== 0 && Math.abs(value) < 1e-3
    ? value.toExponential()
    : String(value);
}

/** Descriptions name other options by their keys; on the command line those are flags. */
const withFlagNames = (text: string, keys: ReadonlySet<string>): string =>
  text.replace(/[a-z]+[A-Z]\w*/g, (word) => (keys.has(word) ? flagName(word) : word));

function describe(field: Field, keys: ReadonlySet<string>): string {
  const notes: string[] = [];
  if (field.required) notes.push('required');
  if (field.choices) notes.push(field.choices.join(' | '));
  const fallback = field.default;
  if (fallback !== undefined && fallback !== false && !(Array.isArray(fallback) && fallback.length === 0)) {
    notes.push(`default ${showDefault(fallback)}`);
  }
  const description = withFlagNames(field.meta.description ?? '', keys);
  return notes.length === 0 ? description : `${description} (${notes.join('; ')})`;
}

/** The flags of a schema, in the order of the help page: by group, then as written. */
export function schemaToFlags(schema: z.ZodObject): FlagSpec[] {
  const rank = (group: string) => {
    const index = (OPTION_GROUPS as readonly string[]).indexOf(group);
    return index < 0 ? OPTION_GROUPS.length : index;
  };
  const fields = fieldsOf(schema);
  const keys = new Set(fields.map(({ key }) => key));
  return fields
    .map((field) => ({
      key: field.key,
      flag: flagName(field.key),
      field,
      group: field.meta.group ?? 'App',
      description: describe(field, keys),
      argument: field.meta.value !== undefined ? `<${field.meta.value}>` : ARGUMENTS[field.kind],
    }))
    .sort((a, b) => rank(a.group) - rank(b.group));
}

const badValue = (flag: string, field: Field, got: string): EasyNlpError =>
  new EasyNlpError('CONFIG_INVALID_VALUE', {
    key: flag,
    expected: expectation(field),
    got: JSON.stringify(got),
  });

const TRUTH: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  y: true,
  t: true,
  '1': true,
  false: false,
  no: false,
  off: false,
  n: false,
  f: false,
  '0': false,
};

/** 'False' is false, whatever Python's bool() thinks; undefined when the text is no truth value. */
export function parseBoolean(text: string): boolean | undefined {
  return TRUTH[text.trim().toLowerCase()];
}

/** Undefined for anything that is not entirely a decimal number; '' and '0x10' are none. */
export function parseNumber(text: string): number | undefined {
  return /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/.test(text) ? Number(text) : undefined;
}

/** `a,b` or `[a, b]`; items are trimmed, empty ones at the end of the list dropped. */
export function splitList(text: string): string[] {
  const inner = /^\s*\[(.*)\]\s*$/s.exec(text)?.[1] ?? text;
  const items = inner.split(',').map((item) => item.trim().replace(/^(['"])(.*)\1$/s, '$2'));
  while (items.length > 0 && items.at(-1) === '') items.pop();
  return items;
}

/**
 * A flag's text as the value that its option wants.
 *
 * @throws EasyNlpError CONFIG_INVALID_VALUE when the text is not of the option's type.
 */
export function parseFlagValue(field: Field, text: string, flag: string): unknown {
  switch (field.kind) {
    case 'integer':
    case 'number': {
      const value = parseNumber(text);
      if (value === undefined) throw badValue(flag, field, text);
      return value;
    }
    case 'boolean': {
      const value = parseBoolean(text);
      if (value === undefined) throw badValue(flag, field, text);
      return value;
    }
    case 'list': {
      const items = splitList(text);
      if (field.item !== 'integer' && field.item !== 'number') return items;
      return items.map((item) => {
        const value = parseNumber(item);
        if (value === undefined) throw badValue(flag, field, text);
        return value;
      });
    }
    case 'list-or-path':
      // A list of one label makes no sense: without a comma it is a file.
      return /,|^\s*\[/.test(text) ? splitList(text) : text;
    default:
      return text;
  }
}

/** Adds the flags to a command. Values end up in `command.opts()` under the option's key, only when given. */
export function addFlags(command: Command, specs: readonly FlagSpec[]): void {
  for (const { key, flag, field, group, description, argument } of specs) {
    const option = new Option(argument === '' ? flag : `${flag} ${argument}`, description).helpGroup(
      `${group}:`,
    );
    option.attributeName = () => key;
    if (field.kind === 'boolean') {
      const negation = new Option(`--no-${flag.slice(2)}`, `the opposite of ${flag}`).helpGroup(`${group}:`);
      negation.attributeName = () => key;
      // Of each pair only the one that changes something is worth a line of help.
      (field.default === true ? option : negation).hideHelp();
      if (field.default === true) negation.description = `not: ${field.meta.description ?? ''}`;
      command.addOption(option).addOption(negation);
      // Commander sets `true` for a negatable pair; here absence must stay absence.
      command.setOptionValueWithSource(key, undefined, 'default');
      continue;
    }
    option.argParser((text: string, previous: unknown) => {
      const value = parseFlagValue(field, text, flag);
      // --input a.tsv --input b.tsv
      return field.kind === 'list' && Array.isArray(previous)
        ? [...previous, ...(value as unknown[])]
        : value;
    });
    command.addOption(option);
  }
}
