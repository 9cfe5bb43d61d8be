import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cosine, type EmbeddedRow, prototypeScore, prototypeScores, unlabelledScores } from './prototypes.js';

const easynlp = { kind: 'domain', alpha: 0.5 } as const;
const paper = { kind: 'class', alpha: 0.5 } as const;

describe('prototype scores', () => {
  it("are EasyNLP's with one centroid a domain", () => {
    const [h, own] = [
      [1, 2, 0],
      [1, 1, 0.5],
    ];
    const others = [
      [0, 1, 1],
      [1, 0, 1],
      [0.5, 0.5, 0.5],
    ];
    expect(cosine(h!, own!)).toBeCloseTo(0.894427, 6);
    expect(prototypeScore(h!, own!, others, { ...easynlp, alpha: 0 })).toBeCloseTo(0.613795, 6);
    expect(prototypeScore(h!, own!, others, easynlp)).toBeCloseTo(0.754111, 6);
  });

  it("compare with the row's own class only, in each domain", () => {
    const row = (domain: number, label: number, ...embedding: number[]): EmbeddedRow => ({
      domain,
      label,
      embedding: Float64Array.from(embedding),
    });
    // Class 0 lies at (1, 0) everywhere, class 1 at (0, 1) in domain 0 and at (0, −1) in domain 1.
    const rows = [row(0, 0, 1, 0), row(1, 0, 2, 0), row(0, 1, 0, 1), row(1, 1, 0, -1), row(1, 2, 1, 1)];
    const scores = prototypeScores(rows, paper);
    expect([...scores]).toEqual([1, 1, 0, 0, 1].map((v) => expect.closeTo(v, 12)));
    // α = 1 asks the own domain alone.
    expect([...prototypeScores(rows, { ...paper, alpha: 1 })]).toEqual(rows.map(() => expect.closeTo(1, 12)));
    // The paper takes the mean of the cosines, EasyNLP the cosine with the mean.
    const others = [
      [1, 0],
      [0, 4],
    ];
    expect(prototypeScore([1, 0], [1, 0], others, { ...paper, alpha: 0 })).toBeCloseTo(0.5, 12);
    expect(prototypeScore([1, 0], [1, 0], others, { ...easynlp, alpha: 0 })).toBeCloseTo(
      1 / Math.sqrt(17),
      12,
    );
  });

  it('of rows without labels are the means over the classes, as often as the domain has them', () => {
    const row = (domain: number, label: number, ...embedding: number[]): EmbeddedRow => ({
      domain,
      label,
      embedding: Float64Array.from(embedding),
    });
    const labelled = [row(0, 0, 1, 0), row(0, 0, 1, 0), row(0, 0, 3, 0), row(0, 1, 0, 1), row(1, 0, 0, 2)];
    const { label: _, ...asked } = row(0, 0, 1, 0);
    // Class 0, three of four rows: ½·1 + ½·0; class 1, which no other domain has: 0.
    expect([...unlabelledScores([asked], labelled, paper)]).toEqual([expect.closeTo(0.75 * 0.5, 12)]);
    // Where classes do not matter, a row gets what it would get with any label.
    const known = prototypeScores([...labelled, row(0, 1, 1, 0)], easynlp).at(-1)!;
    const also = unlabelledScores([asked], [...labelled, row(0, 0, 1, 0)], easynlp)[0]!;
    expect(also).toBeCloseTo(known, 12);
  });

  it('do not depend on the order of the rows nor on their scale, and lie in [−1, 1]', () => {
    const rows = fc.array(
      fc.record({
        embedding: fc
          .array(fc.integer({ min: -3, max: 3 }), { minLength: 3, maxLength: 3 })
          .map((v) => Float64Array.from(v)),
        domain: fc.integer({ min: 0, max: 2 }),
        label: fc.integer({ min: 0, max: 1 }),
      }),
      { minLength: 1, maxLength: 12 },
    );
    fc.assert(
      fc.property(
        rows,
        fc.constantFrom('class', 'domain'),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (list, kind, alpha) => {
          const options = { kind, alpha } as const;
          const scores = prototypeScores(list, options);
          const backwards = prototypeScores([...list].reverse(), options).reverse();
          const larger = list.map((row) => ({ ...row, embedding: row.embedding.map((v) => 2 * v) }));
          for (const [i, score] of scores.entries()) {
            expect(Math.abs(score)).toBeLessThanOrEqual(1 + 1e-9);
            expect(backwards[i]).toBeCloseTo(score, 6);
            expect(prototypeScores(larger, options)[i]).toBeCloseTo(score, 6);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
