import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc32, crc32Plain } from './crc32.js';

test('known values, and equal results of both ways, in one piece and in two', () => {
  expect(crc32Plain(Buffer.from('123456789'))).toBe(0xcbf43926);
  expect(crc32Plain(new Uint8Array(0))).toBe(0);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, cut) => {
      expect(crc32(bytes)).toBe(crc32Plain(bytes));
      expect(crc32(bytes.subarray(cut), crc32(bytes.subarray(0, cut)))).toBe(crc32(bytes));
    }),
  );
});
