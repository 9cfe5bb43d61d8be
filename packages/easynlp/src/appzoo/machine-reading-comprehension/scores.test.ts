import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tuneNoAnswer } from './metrics.js';
import { longestCommonRun, mixedSegmentation, scoreAnswer } from './scores.js';
import { wordTokens } from './word-tokens.js';

interface Case {
  readonly gold: string[];
  readonly predicted: string;
  readonly em: number;
  readonly f1: number;
  readonly segments?: string[];
}
const fixture = JSON.parse(readFileSync(new URL('./fixtures/scores.json', import.meta.url), 'utf8')) as {
  zh: Case[];
  en: Case[];
};

describe('scores of answers', () => {
  it.each(fixture.zh)('as in CMRC 2018: $gold, $predicted', ({ gold, predicted, em, f1, segments }) => {
    expect(mixedSegmentation(predicted)).toEqual(segments);
    const score = scoreAnswer(gold, predicted, 'zh');
    expect(score.em).toBe(em);
    expect(score.f1).toBeCloseTo(f1, 12);
  });

  it.each(fixture.en)('as in SQuAD: $gold, $predicted', ({ gold, predicted, em, f1 }) => {
    const score = scoreAnswer(gold, predicted === '' ? null : predicted, 'en');
    expect(score.em).toBe(em);
    expect(score.f1).toBeCloseTo(f1, 12);
  });

  it('an answer agrees with itself, and agreement does not depend on the order', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(text, text, fc.constantFrom('zh', 'en'), (a, b, language) => {
        expect(scoreAnswer([a], a, language as 'zh').em).toBe(1);
        const [one, other] = [scoreAnswer([a], b, language as 'zh'), scoreAnswer([b], a, language as 'zh')];
        expect(one.f1).toBeCloseTo(other.f1, 12);
        expect(one.f1).toBeLessThanOrEqual(1);
        expect(scoreAnswer([a, b], b, language as 'zh').em).toBe(1);
      }),
    );
  });

  it('finds the longest common run', () => {
    expect(longestCommonRun([...'甲乙丙丁'], [...'乙丙甲丁'])).toBe(2);
    expect(longestCommonRun([], [...'甲'])).toBe(0);
  });

  it('cuts English as the Penn Treebank does', () => {
    expect(wordTokens(`He said: "don't", (2.5 km) i.e. the U.S. army... cannot go.`)).toEqual(
      ['He', 'said', ':', '``', 'do', "n't", "''", ',', '(', '2.5', 'km', ')', 'i.e', '.']
        .slice(0, 12)
        .concat(['i.e.', 'the', 'U.S.', 'army', '...', 'can', 'not', 'go', '.']),
    );
  });
});

describe('the threshold of "no answer"', () => {
  it('is where F1 is highest, in the middle between two leads', () => {
    const items = [
      { lead: -3, given: 1, none: 0 },
      { lead: -1, given: 0.8, none: 0 },
      { lead: 1, given: 0, none: 1 },
      { lead: 4, given: 0, none: 1 },
    ];
    expect(tuneNoAnswer(items)).toEqual({ threshold: 0, sum: 3.8 });
    const all = tuneNoAnswer(items.map((item) => ({ ...item, given: 0, none: 1 })));
    expect(all.threshold).toBeLessThan(-3);
    expect(tuneNoAnswer(items.map((item) => ({ ...item, given: 1, none: 0 }))).threshold).toBeGreaterThan(4);
    expect(tuneNoAnswer([]).sum).toBe(0);
  });

  it('is the best of all that could be', () => {
    const item = fc.record({
      lead: fc.integer({ min: -5, max: 5 }),
      given: fc.double({ min: 0, max: 1, noNaN: true }),
      none: fc.constantFrom(0, 1),
    });
    fc.assert(
      fc.property(fc.array(item, { minLength: 1, maxLength: 12 }), (items) => {
        const sumAt = (t: number) => items.reduce((sum, x) => sum + (x.lead > t ? x.none : x.given), 0);
        const { threshold, sum } = tuneNoAnswer(items);
        expect(sumAt(threshold)).toBeCloseTo(sum, 9);
        for (let t = -5.5; t <= 5.5; t++) expect(sumAt(t)).toBeLessThanOrEqual(sum + 1e-9);
      }),
    );
  });
});
