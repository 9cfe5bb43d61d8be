import { EasyNlpError } from '../errors/index.js';

/** One `key=value` of the string; `column` counts characters from 1. */
export interface UserDefinedParameter {
  readonly key: string;
  readonly value: string;
  readonly column: number;
}

/**
 * Reads the string of EasyNLP's `--user_defined_parameters`: `key=value` pairs between white space.
 *
 * Means what it means to EasyNLP, with two additions: a second `=` belongs to the value instead of cutting it off, and a
 * value that begins with ' or " reaches to the next such quote and may hold white space (inside, a backslash makes the
 * next quote or backslash literal).
 *
 * @throws EasyNlpError CLI_USER_DEFINED_PARAMETERS with the column.
 */
export function parseUserDefinedParameters(text: string): UserDefinedParameter[] {
  const found: UserDefinedParameter[] = [];
  let at = 0;
  const isSpace = (index: number) => index < text.length && /\s/.test(text[index]!);
  const fail = (index: number, problem: string): never => {
    throw new EasyNlpError('CLI_USER_DEFINED_PARAMETERS', { column: index + 1, problem });
  };

  for (;;) {
    while (isSpace(at)) at++;
    if (at >= text.length) return found;
    const start = at;
    while (at < text.length && text[at] !== '=' && !isSpace(at)) at++;
    const key = text.slice(start, at);
    if (text[at] !== '=') fail(start, `'${key}' has no value: expected ${key}=value`);
    if (key === '') fail(start, 'a name is missing before =');
    at++;
    let value = '';
    const quote = text[at];
    if (quote === "'" || quote === '"') {
      const opened = at++;
      while (text[at] !== quote) {
        if (at >= text.length) fail(opened, `the quote ${quote} is never closed`);
        if (text[at] === '\\' && (text[at + 1] === quote || text[at + 1] === '\\')) at++;
        value += text[at++];
      }
      at++;
      if (at < text.length && !isSpace(at)) fail(at, `expected a space after the closing ${quote}`);
    } else {
      const from = at;
      while (at < text.length && !isSpace(at)) at++;
      value = text.slice(from, at);
    }
    found.push({ key, value, column: start + 1 });
  }
}

/** The inverse: quotes where a value needs it. */
export function formatUserDefinedParameters(pairs: Iterable<readonly [key: string, value: string]>): string {
  return Array.from(pairs, ([key, value]) =>
    /\s/.test(value) || /^['"]/.test(value) || value === ''
      ? `${key}='${value.replace(/[\\']/g, '\\$&')}'`
      : `${key}=${value}`,
  ).join(' ');
}
