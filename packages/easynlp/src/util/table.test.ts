import { expect, it } from 'vitest';
import { displayWidth } from './display-width.js';
import { table } from './table.js';

it('aligns by display width, with a rule under the header and no trailing spaces', () => {
  const text = table(
    [
      ['label', 'F1', 'note'],
      ['好评', 0.9, '一'],
      ['x', '0.85', 'two'],
    ],
    { header: true, align: ['left', 'right', 'left'] },
  );
  expect(text).toBe(
    ['label    F1  note', '─────  ────  ────', '好评    0.9  一', 'x      0.85  two'].join('\n'),
  );
});

it('right-aligns numbers by default so that every line has one width', () => {
  const lines = table([
    ['甲', 1],
    ['bcd', 1234],
  ]).split('\n');
  expect(lines).toEqual(['甲      1', 'bcd  1234']);
  expect(new Set(lines.map(displayWidth)).size).toBe(1);
});

it('copes with no rows, short rows, line breaks, gap and indent', () => {
  expect(table([])).toBe('');
  expect(table([], { header: true })).toBe('');
  expect(table([['a'], ['b', 'c\r\nd']], { gap: 1, indent: '  ' })).toBe('  a\n  b c d');
});
