import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { displayWidth, padToWidth, truncateToWidth } from './display-width.js';

const ESC = String.fromCharCode(27);

describe('displayWidth', () => {
  it.each([
    ['', 0],
    ['loss 0.431', 10],
    ['损失 loss', 9],
    ['ＡＢｃ', 6], // full-width letters
    ['ｱｲｳ', 3], // half-width katakana
    ['「好」，。！', 12],
    ['한국어', 6],
    ['step · eta …', 12],
    ['e\u0301', 1], // e and a combining accent
    ['😀', 2],
    ['👨‍👩‍👧', 2], // one family of three joined people
    ['👍🏽', 2],
    ['🇨🇳', 2],
    ['❤️', 2],
    ['❤', 1],
    ['𠮷', 2], // CJK extension B
    [`${ESC}[31m红${ESC}[0m`, 2],
    ['a\u200bb', 2],
  ])('%j takes %i', (text, width) => {
    expect(displayWidth(text)).toBe(width);
  });
});

describe('truncateToWidth', () => {
  it('leaves what fits, cuts between characters and never passes the limit', () => {
    expect(truncateToWidth('训练进度', 8)).toBe('训练进度');
    expect(truncateToWidth('训练进度', 7)).toBe('训练进…');
    expect(truncateToWidth('训练进度', 6)).toBe('训练…');
    expect(truncateToWidth('训练进度', 1)).toBe('…');
    expect(truncateToWidth('训练进度', 0)).toBe('');
    expect(truncateToWidth('a👨‍👩‍👧b', 3, '')).toBe('a👨‍👩‍👧');
  });

  it('keeps within any number of columns', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(20), (text, columns) => {
        expect(displayWidth(truncateToWidth(text, columns))).toBeLessThanOrEqual(columns);
      }),
    );
  });
});

it('padToWidth counts columns', () => {
  expect(padToWidth('好', 4)).toBe('好  ');
  expect(padToWidth('好', 4, 'right')).toBe('  好');
  expect(padToWidth('好评如潮', 4)).toBe('好评如潮');
});
