/**
 * A JSON reader for headers from untrusted files. It differs from `JSON.parse` where that is too lenient for a
 * file format: duplicate keys are errors, depth is limited, lone surrogates are errors, integers beyond 2⁵³ stay
 * exact (bigint), other numbers are told apart from integers (`JsonReal`), and objects become Maps, so that a key
 * like `__proto__` is only a key.
 */
export type StrictJson =
  | null
  | boolean
  | string
  | number
  | bigint
  | JsonReal
  | StrictJson[]
  | StrictJsonObject;
export type StrictJsonObject = Map<string, StrictJson>;

/** A number written with a fraction or an exponent. */
export class JsonReal {
  constructor(readonly text: string) {}
}

export class StrictJsonError extends Error {
  constructor(
    message: string,
    readonly position: number,
  ) {
    super(`${message} at character ${position}`);
  }
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const LONE_SURROGATE = /\p{Surrogate}/u;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
// More digits than any 64-bit integer has; also keeps BigInt conversion cheap.
const MAX_DIGITS = 40;

/** Parses one JSON document; throws `StrictJsonError`. */
export function parseStrictJson(text: string, maxDepth = 16): StrictJson {
  let at = 0;

  const fail = (message: string, position = at): never => {
    throw new StrictJsonError(message, position);
  };

  const skipSpace = (): number => {
    for (;;) {
      const code = text.charCodeAt(at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code;
      at++;
    }
  };

  const parseString = (): string => {
    if (text.charCodeAt(at) !== QUOTE) fail('expected a string');
    const start = at++;
    let escaped = false;
    for (;;) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) break;
      if (Number.isNaN(code)) fail('unterminated string', start);
      if (code < 0x20) fail('control character in a string');
      if (code === BACKSLASH) {
        escaped = true;
        at++;
      }
      at++;
    }
    at++;
    const raw = text.slice(start + 1, at - 1);
    if (!escaped) return raw;
    let value = '';
    try {
      value = JSON.parse(`"${raw}"`) as string;
    } catch {
      fail('bad escape in a string', start);
    }
    if (LONE_SURROGATE.test(value)) fail('lone surrogate in a string', start);
    return value;
  };

  const parseNumber = (): number | bigint | JsonReal => {
    NUMBER.lastIndex = at;
    const match = NUMBER.exec(text);
    if (match === null) return fail('unexpected character');
    const token = match[0];
    at += token.length;
    if (match[1] !== undefined || match[2] !== undefined || token === '-0') return new JsonReal(token);
    const value = Number(token);
    if (Number.isSafeInteger(value)) return value;
    return token.length <= MAX_DIGITS ? BigInt(token) : new JsonReal(token);
  };

  const keyword = <T extends StrictJson>(word: string, value: T): T => {
    if (!text.startsWith(word, at)) fail('unexpected character');
    at += word.length;
    return value;
  };

  const parseValue = (depth: number): StrictJson => {
    const code = skipSpace();
    if (code === QUOTE) return parseString();
    if (code === 0x7b) return parseObject(depth + 1);
    if (code === 0x5b) return parseArray(depth + 1);
    if (code === 0x74) return keyword('true', true);
    if (code === 0x66) return keyword('false', false);
    if (code === 0x6e) return keyword('null', null);
    return parseNumber();
  };

  const parseArray = (depth: number): StrictJson[] => {
    if (depth > maxDepth) fail(`nested deeper than ${maxDepth}`);
    const items: StrictJson[] = [];
    at++;
    if (skipSpace() === 0x5d) {
      at++;
      return items;
    }
    for (;;) {
      items.push(parseValue(depth));
      const code = skipSpace();
      at++;
      if (code === 0x5d) return items;
      if (code !== 0x2c) fail("expected ',' or ']'", at - 1);
    }
  };

  const parseObject = (depth: number): StrictJsonObject => {
    if (depth > maxDepth) fail(`nested deeper than ${maxDepth}`);
    const object: StrictJsonObject = new Map();
    at++;
    if (skipSpace() === 0x7d) {
      at++;
      return object;
    }
    for (;;) {
      skipSpace();
      const start = at;
      const key = parseString();
      if (object.has(key)) fail(`duplicate key ${JSON.stringify(key)}`, start);
      if (skipSpace() !== 0x3a) fail("expected ':'");
      at++;
      object.set(key, parseValue(depth));
      const code = skipSpace();
      at++;
      if (code === 0x7d) return object;
      if (code !== 0x2c) fail("expected ',' or '}'", at - 1);
    }
  };

  const value = parseValue(0);
  skipSpace();
  if (at !== text.length) fail('unexpected text after the end');
  return value;
}
