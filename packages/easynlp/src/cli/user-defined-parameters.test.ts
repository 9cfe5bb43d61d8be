import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EasyNlpError } from '../errors/index.js';
import { formatUserDefinedParameters, parseUserDefinedParameters } from './user-defined-parameters.js';

const pairs = (text: string) => parseUserDefinedParameters(text).map(({ key, value }) => [key, value]);

describe('parseUserDefinedParameters', () => {
  it.each<[string, string[][]]>([
    ['', []],
    [' \n\t ', []],
    ['a=1', [['a', '1']]],
    [
      '\n  a=1\n  b=x,y\n',
      [
        ['a', '1'],
        ['b', 'x,y'],
      ],
    ],
    ['pattern=sent1,label,用,sent2,概括。', [['pattern', 'sent1,label,用,sent2,概括。']]],
    ['pattern=sent1,<pseudo>,label', [['pattern', 'sent1,<pseudo>,label']]],
    [
      "pattern='a b, label' type=x",
      [
        ['pattern', 'a b, label'],
        ['type', 'x'],
      ],
    ],
    [
      'pattern="it\'s a=b" c=',
      [
        ['pattern', "it's a=b"],
        ['c', ''],
      ],
    ],
    ['a=b=c', [['a', 'b=c']]],
    [
      "a=don't b=2",
      [
        ['a', "don't"],
        ['b', '2'],
      ],
    ],
    [
      "a='it\\'s' b='\\\\' c='\\n'",
      [
        ['a', "it's"],
        ['b', '\\'],
        ['c', '\\n'],
      ],
    ],
    ['kernel_sizes=[1,2,3,4]', [['kernel_sizes', '[1,2,3,4]']]],
    [
      'a=1 a=2',
      [
        ['a', '1'],
        ['a', '2'],
      ],
    ],
  ])('%j', (text, expected) => expect(pairs(text)).toEqual(expected));

  it.each([
    ['a', 1, /'a' has no value/],
    ['a=1 word b=2', 5, /'word' has no value/],
    ['a=1 =2', 5, /name is missing/],
    ["a=1 b='x y", 7, /never closed/],
    ["a='x'y", 6, /space after the closing/],
  ])('%j fails at character %i', (text, column, message) => {
    try {
      parseUserDefinedParameters(text);
      expect.unreachable();
    } catch (error) {
      expect(EasyNlpError.isInstance(error) && error.code).toBe('CLI_USER_DEFINED_PARAMETERS');
      expect((error as EasyNlpError).details.column).toBe(column);
      expect((error as EasyNlpError).message).toMatch(message);
    }
  });

  const key = fc.string({ minLength: 1 }).filter((text) => !/[\s=]/.test(text));
  it('reads back whatever was written', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(key, fc.string({ unit: 'grapheme' }))), (list) => {
        expect(pairs(formatUserDefinedParameters(list))).toEqual(list);
      }),
    );
  });

  it("agrees with EasyNLP's own reading on everything that EasyNLP can express", () => {
    const value = fc.string().filter((text) => !/[\s=]/.test(text) && !/^['"]/.test(text));
    fc.assert(
      fc.property(fc.array(fc.tuple(key, value)), fc.constantFrom(' ', '\n', '  \t'), (list, space) => {
        const text = list.map(([k, v]) => `${k}=${v}`).join(space);
        // EasyNLP: split at white space, key before the first '=', value between the first and the second.
        const theirs = text
          .split(/\s+/)
          .filter(Boolean)
          .map((item) => item.split('=').slice(0, 2));
        expect(pairs(text)).toEqual(theirs);
      }),
    );
  });

  it('gives pairs or a registry error for any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          for (const { value } of parseUserDefinedParameters(text)) expect(typeof value).toBe('string');
        } catch (error) {
          expect(EasyNlpError.isInstance(error)).toBe(true);
        }
      }),
    );
  });
});
