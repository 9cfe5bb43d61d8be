import type { CommandName } from '../config/index.js';
import { EasyNlpError } from '../errors/index.js';
import { parseBoolean, parseNumber } from './schema-to-flags.js';

/** What `--user_defined_parameters` become. */
export interface ParameterTarget {
  readonly command: CommandName;
  /** Options of the command, by name. */
  readonly values: Record<string, unknown>;
  readonly warnings: string[];
}

/** A parameter as messages name it. */
export const place = (key: string): string => `${key} (user_defined_parameters)`;

function wrong(key: string, expected: string, got: string): EasyNlpError {
  return new EasyNlpError('CONFIG_INVALID_VALUE', { key: place(key), expected, got: JSON.stringify(got) });
}

/** @throws EasyNlpError CONFIG_INVALID_VALUE */
export function numberIn(key: string, text: string): number {
  const value = parseNumber(text);
  if (value === undefined) throw wrong(key, 'a number', text);
  return value;
}

/** @throws EasyNlpError CONFIG_INVALID_VALUE */
export function wholeNumberIn(key: string, text: string): number {
  const value = parseNumber(text);
  if (value === undefined || !Number.isInteger(value)) throw wrong(key, 'a whole number', text);
  return value;
}

/** @throws EasyNlpError CONFIG_INVALID_VALUE */
export function booleanIn(key: string, text: string): boolean {
  const value = parseBoolean(text);
  if (value === undefined) throw wrong(key, 'True or False', text);
  return value;
}
