import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attentionMask, floatMatrix, intVector, paddedLength, padSequences } from './collate.js';

describe('padSequences', () => {
  it('pads on the right to the longest row, rounded up', () => {
    const rows = [Int32Array.of(1, 2, 3), Int32Array.of(), Int32Array.of(-4)];
    const tensor = padSequences(rows, { padValue: 9, multipleOf: 4 });
    expect(tensor).toEqual({
      data: BigInt64Array.of(1n, 2n, 3n, 9n, 9n, 9n, 9n, 9n, -4n, 9n, 9n, 9n),
      shape: [3, 4],
      dtype: 'int64',
    });
    expect(padSequences(rows, { dtype: 'int32', padValue: -100 }).data).toEqual(
      Int32Array.of(1, 2, 3, -100, -100, -100, -4, -100, -100),
    );
    expect(padSequences([[1]], { length: 3, dtype: 'int32' }).data).toEqual(Int32Array.of(1, 0, 0));
    expect(() => padSequences([[1, 2]], { length: 1 })).toThrow(RangeError);
  });

  it('gives int64 the same values as int32', () => {
    const row = fc.array(fc.integer(), { maxLength: 6 });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 5 }), fc.integer(), (rows, padValue) => {
        const narrow = padSequences(rows, { padValue, dtype: 'int32' });
        const wide = padSequences(rows, { padValue });
        expect(Array.from(wide.data, Number)).toEqual(Array.from(narrow.data, Number));
        expect(wide.shape).toEqual(narrow.shape);
      }),
    );
  });
});

describe('the other helpers', () => {
  it('build masks, labels and matrices', () => {
    expect(attentionMask([2, 0, 3], 3).data).toEqual(BigInt64Array.of(1n, 1n, 0n, 0n, 0n, 0n, 1n, 1n, 1n));
    expect(attentionMask([1], 2, 'bool')).toEqual({
      data: Uint8Array.of(1, 0),
      shape: [1, 2],
      dtype: 'bool',
    });
    expect(intVector([3, -1]).data).toEqual(BigInt64Array.of(3n, -1n));
    expect(
      floatMatrix([
        [1, 2],
        [3, 4],
      ]),
    ).toEqual({
      data: Float32Array.of(1, 2, 3, 4),
      shape: [2, 2],
      dtype: 'float32',
    });
    expect(() => floatMatrix([[1], [1, 2]])).toThrow(RangeError);
    expect([paddedLength(0), paddedLength(5), paddedLength(5, 8), paddedLength(0, 8)]).toEqual([1, 5, 8, 8]);
  });
});
