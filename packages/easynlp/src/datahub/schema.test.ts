import { describe, expect, it } from 'vitest';
import { formatSchema, parseSchema } from './schema.js';

describe('parseSchema', () => {
  it('reads EasyNLP schemas', () => {
    const text = 'label:str:1,sid1:int:1,logits:float:15';
    expect(parseSchema(text)).toEqual([
      { name: 'label', type: 'str', length: 1 },
      { name: 'sid1', type: 'int', length: 1 },
      { name: 'logits', type: 'float', length: 15 },
    ]);
    expect(formatSchema(parseSchema(text))).toBe(text);
    expect(formatSchema(parseSchema(' text , 标签:int, '))).toBe('text:str:1,标签:int:1');
  });

  it.each([
    ['', 1, 'the name is missing'],
    ['a:str:1,:str:1', 2, 'the name is missing'],
    ['a:string:1', 1, 'did you mean "str"?'],
    ['a:flaot:1', 1, 'did you mean "float"?'],
    ['a:str:0', 1, 'length "0"'],
    ['a:str:x', 1, 'length "x"'],
    ['a:str:1:2', 1, 'more than three parts'],
    ['a:str:1,a:int:1', 2, '"a" occurs twice'],
  ])('refuses %j at item %d', (schema, item, reason) => {
    expect(() => parseSchema(schema)).toThrow(
      expect.objectContaining({ code: 'DATA_SCHEMA', message: expect.stringContaining(reason) }),
    );
    expect(() => parseSchema(schema)).toThrow(`at item ${item}`);
  });
});
