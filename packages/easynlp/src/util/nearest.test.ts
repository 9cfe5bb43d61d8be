import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, nearest, nearestNames } from './nearest.js';

describe('editDistance', () => {
  it.each([
    ['', '', 0],
    ['', 'abc', 3],
    ['kitten', 'sitting', 3],
    ['ab', 'ba', 1],
    ['ca', 'abc', 2], // 3 for the restricted variant, which may not edit a swapped pair again
    ['文本分类', '文本类分', 1],
    ['😀a', 'a😀', 1],
  ])('%j to %j is %i', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
  });

  it('is a metric', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 7 });
    fc.assert(
      fc.property(word, word, word, (a, b, c) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b) === 0).toBe(a === b);
        expect(editDistance(a, c)).toBeLessThanOrEqual(editDistance(a, b) + editDistance(b, c));
      }),
      { numRuns: 500 },
    );
  });
});

describe('nearest', () => {
  const flags = ['learning_rate', 'epoch_num', 'micro_batch_size', 'sequence_length', 'seed'];

  it.each([
    ['lerning_rate', 'learning_rate'],
    ['--Learning-Rate', 'learning_rate'],
    ['learningRate', 'learning_rate'],
    ['sede', 'seed'],
    ['epochs_num', 'epoch_num'],
  ])('%j meant %j', (name, meant) => {
    expect(nearest(name, flags)).toBe(meant);
  });

  it('suggests nothing for another word, an empty name or an empty list', () => {
    expect(nearest('checkpoint_dir', flags)).toBeNull();
    expect(nearest('', ['a', 'b'])).toBeNull();
    expect(nearest('x', ['a', 'b'])).toBeNull();
    expect(nearest('seed', [])).toBeNull();
  });

  it('orders several, without duplicates', () => {
    expect(
      nearestNames('first_sequense', [
        'second_sequence',
        'first_sequence',
        'first_sequences',
        'first_sequence',
      ]),
    ).toEqual(['first_sequence', 'first_sequences']);
  });
});
