import { expect, it } from 'vitest';
import { formatBytes, formatCount, formatDuration } from './format.js';

it.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [1536, '1.5 KiB'],
  [1024 ** 2 - 1, '1.0 MiB'],
  [5.25 * 1024 ** 3, '5.3 GiB'],
  [-2048, '-2.0 KiB'],
  [3000 * 1024 ** 5, '3000.0 PiB'],
  [Number.NaN, '?'],
])('formatBytes(%d) is %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

it.each([
  [0, '0:00'],
  [0.4, '0:00'],
  [59.6, '1:00'],
  [83, '1:23'],
  [3599.7, '1:00:00'],
  [3723, '1:02:03'],
  [2 * 86_400 + 3723, '2d 1:02:03'],
  [-5, '-0:05'],
  [Number.POSITIVE_INFINITY, '?'],
])('formatDuration(%d) is %s', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});

it.each([
  [0, '0'],
  [7, '7'],
  [7.5, '7.50'],
  [12.34, '12.3'],
  [812.4, '812'],
  [999.6, '1.00k'],
  [21_340, '21.3k'],
  [999_600, '1.00M'],
  [4_560_000, '4.56M'],
  [Number.NaN, '?'],
])('formatCount(%d) is %s', (count, text) => {
  expect(formatCount(count)).toBe(text);
});
