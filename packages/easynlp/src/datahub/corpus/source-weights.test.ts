import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseWeightRecipe, sourceWeights } from './source-weights.js';

const sum = (shares: Record<string, number>) => Object.values(shares).reduce((a, b) => a + b, 0);

describe('sourceWeights', () => {
  it('gives shares that add up to 1 and keep to the cap', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 1e9 }), { minLength: 1, maxLength: 12 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 1, max: 10, noNaN: true }),
        (list, exponent, maxRate) => {
          const sizes = Object.fromEntries(list.map((n, i) => [`s${i}`, n]));
          const total = list.reduce((a, b) => a + b, 0);
          const shares = sourceWeights(sizes, { exponent, maxRate });
          expect(sum(shares)).toBeCloseTo(1, 9);
          for (const [name, size] of Object.entries(sizes)) {
            expect(shares[name]!).toBeLessThanOrEqual((maxRate * size) / total + 1e-9);
          }
        },
      ),
    );
  });

  it('is proportional without a recipe, equal at exponent 0, and takes factors', () => {
    const sizes = { news_a: 100, news_b: 100, chat: 200 };
    expect(sourceWeights(sizes)).toEqual({ news_a: 0.25, news_b: 0.25, chat: 0.5 });
    const equal = sourceWeights(sizes, { exponent: 0 });
    expect(equal.chat).toBeCloseTo(1 / 3);
    const factor = sourceWeights(sizes, { multipliers: { 'news_*': 2, chat: 1 } });
    expect(factor.news_a).toBeCloseTo(1 / 3);
    expect(sourceWeights(sizes, { multipliers: { chat: 0 } })).toEqual({ news_a: 0.5, news_b: 0.5, chat: 0 });
  });

  it('refuses what cannot be meant', () => {
    const sizes = { news: 100, chat: 200 };
    const wrong = (recipe: object) => () => sourceWeights(sizes, recipe);
    expect(wrong({ multipliers: { new: 2 } })).toThrow(/Did you mean "news"/);
    for (const recipe of [
      { exponent: 2 },
      { maxRate: 0.5 },
      { multipliers: { news: -1 } },
      { multipliers: { '*': 0 } },
    ]) {
      expect(wrong(recipe)).toThrow(expect.objectContaining({ code: 'DATA_SOURCE' }));
    }
    expect(parseWeightRecipe({ exponent: 0.5 }, 'w.yaml')).toEqual({ exponent: 0.5 });
    for (const value of [null, [], 'x', { exponents: 1 }, { exponent: 'x' }, { multipliers: [] }]) {
      expect(() => parseWeightRecipe(value, 'w.yaml')).toThrow(
        expect.objectContaining({ code: 'DATA_SOURCE' }),
      );
    }
  });
});
