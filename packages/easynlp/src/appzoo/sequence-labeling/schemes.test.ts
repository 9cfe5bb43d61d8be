import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  convertTags,
  detectScheme,
  parseTag,
  spansOfTags,
  TAG_SCHEMES,
  type TokenSpan,
  tagSet,
  tagsOfSpans,
} from './schemes.js';
import { type SpanScores, spanScores } from './span-scores.js';

/** Entities that do not overlap, on up to 20 tokens; some touch. */
const spans = fc
  .array(fc.tuple(fc.nat(2), fc.integer({ min: 1, max: 4 }), fc.constantFrom('PER', 'LOC', 'A-B', '')), {
    maxLength: 5,
  })
  .map((parts) => {
    const found: TokenSpan[] = [];
    let at = 0;
    for (const [gap, length, type] of parts) {
      found.push({ type, from: at + gap, to: at + gap + length });
      at += gap + length;
    }
    return { found, length: at + 1 };
  });

describe('tag schemes', () => {
  it('hold the same entities and are converted into one another', () => {
    fc.assert(
      fc.property(
        spans,
        fc.constantFrom(...TAG_SCHEMES),
        fc.constantFrom(...TAG_SCHEMES),
        ({ found, length }, a, b) => {
          const tags = tagsOfSpans(found, length, a);
          expect(spansOfTags(tags.map((tag) => parseTag(tag)!))).toEqual(found);
          expect(convertTags(tags, b)).toEqual(tagsOfSpans(found, length, b));
          expect(convertTags(convertTags(tags, b), a)).toEqual(tags);
          expect(tagSet(a, ['', 'PER', 'LOC', 'A-B'])).toEqual(expect.arrayContaining(tags));
        },
      ),
    );
  });

  it('are written as everybody writes them', () => {
    const tags = ['B-PER', 'I-PER', 'I-PER', 'O', 'B-LOC'];
    expect(convertTags(tags, 'bioes')).toEqual(['B-PER', 'I-PER', 'E-PER', 'O', 'S-LOC']);
    expect(convertTags(tags, 'bmes')).toEqual(['B-PER', 'M-PER', 'E-PER', 'O', 'S-LOC']);
    expect(
      ['bio', 'bioes', 'bmes'].map((_, i) => detectScheme([['O', 'B-X'], ['S-X'], ['B', 'M', 'E']][i]!)),
    ).toEqual(['bio', 'bioes', 'bmes']);
    expect(['o', 'X-PER', 'B-', 'PER', '', 'B PER', 'B-a b'].map(parseTag)).toEqual(Array(7).fill(null));
  });

  it('read invalid tags by one rule', () => {
    expect(convertTags(['O', 'I-PER', 'I-PER', 'I-LOC', 'E-LOC', 'E-LOC'], 'bio')).toEqual([
      'O',
      'B-PER',
      'I-PER',
      'B-LOC',
      'I-LOC',
      'B-LOC',
    ]);
    expect(() => convertTags(['NN'], 'bio')).toThrow(/"NN" is not a tag/);
  });
});

interface Case {
  readonly name: string;
  readonly scheme: 'bio' | 'bioes';
  readonly gold: string[][];
  readonly predicted: string[][];
  readonly chunks: [string, number, number][][];
  readonly default: SpanScores;
  readonly strict: SpanScores;
}

/** Written by scripts/oracle/seqeval_fixtures.py. */
const cases = JSON.parse(readFileSync(new URL('./fixtures/seqeval.json', import.meta.url), 'utf8')) as Case[];

describe('entity scores equal those of the definition', () => {
  it.each(cases)('$name', ({ scheme, gold, predicted, chunks, ...expected }) => {
    const found = predicted.map((tags) => spansOfTags(tags.map((tag) => parseTag(tag)!)));
    expect(found.map((own) => own.map(({ type, from, to }) => [type, from, to]).sort())).toEqual(
      chunks.map((own) => [...own].sort()),
    );
    expect(spanScores(gold, predicted)).toEqual(expected.default);
    expect(spanScores(gold, predicted, { strict: scheme })).toEqual(expected.strict);
    // BMES is BIOES with another letter.
    const bmes = (all: string[][]) => all.map((tags) => tags.map((tag) => tag.replace(/^I/, 'M')));
    if (scheme === 'bioes') {
      expect(spanScores(bmes(gold), bmes(predicted), { strict: 'bmes' })).toEqual(expected.strict);
    }
  });

  // github.com/chakki-works/seqeval, README: "Usage".
  it("are those of seqeval's documentation", () => {
    const gold = [
      ['O', 'O', 'O', 'B-MISC', 'I-MISC', 'I-MISC', 'O'],
      ['B-PER', 'I-PER', 'O'],
    ];
    const predicted = [
      ['O', 'O', 'B-MISC', 'I-MISC', 'I-MISC', 'I-MISC', 'O'],
      ['B-PER', 'I-PER', 'O'],
    ];
    const half = { precision: 0.5, recall: 0.5, f1: 0.5, support: 2 };
    expect(spanScores(gold, predicted)).toEqual({
      types: {
        MISC: { precision: 0, recall: 0, f1: 0, support: 1 },
        PER: { precision: 1, recall: 1, f1: 1, support: 1 },
      },
      micro: half,
      macro: half,
    });
    const [right, inside] = [[['B-NP', 'I-NP', 'O']], [['I-NP', 'I-NP', 'O']]];
    expect(spanScores(right, inside).micro.f1).toBe(1);
    expect(spanScores(right, inside, { strict: 'bio' }).micro.f1).toBe(0);
  });

  it('of sentences of different lengths do not exist', () => {
    expect(() => spanScores([['O']], [['O', 'O']])).toThrow(/Sentence 0 has 1 tags/);
    expect(() => spanScores([['O']], [])).toThrow(RangeError);
  });
});
