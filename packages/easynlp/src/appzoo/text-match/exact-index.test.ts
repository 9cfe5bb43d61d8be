import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { workFolder } from '../../predictor/models.fixture.js';
import { Rng } from '../../util/index.js';
import { ExactIndex } from './exact-index.js';

const folder = workFolder('exact-index');

function vectors(count: number, dimension: number, seed = 1): number[][] {
  const rng = new Rng(seed);
  return Array.from({ length: count }, () =>
    Array.from({ length: dimension }, () => rng.int(2001) / 1000 - 1),
  );
}

const cosine = (a: readonly number[], b: readonly number[]) => {
  const dot = a.reduce((sum, x, i) => sum + x * b[i]!, 0);
  return dot / Math.hypot(...a) / Math.hypot(...b);
};

describe('ExactIndex', () => {
  it('finds what looking at everything finds', () => {
    const stored = vectors(700, 24);
    const index = new ExactIndex(24);
    index.addAll(stored);
    expect(index.size).toBe(700);
    const queries = vectors(300, 24, 2);
    const found = index.searchAll(queries, 7);
    for (const [q, query] of queries.entries()) {
      const all = stored.map((v, i) => ({ index: i, score: cosine(query, v) }));
      const best = all.sort((a, b) => b.score - a.score).slice(0, 7);
      expect(found[q]!.map((hit) => hit.index)).toEqual(best.map((hit) => hit.index));
      for (const [i, hit] of found[q]!.entries()) expect(hit.score).toBeCloseTo(best[i]!.score, 5);
    }
  });

  it('answers one query as it answers it among many', () => {
    const index = new ExactIndex(16);
    index.addAll(vectors(500, 16));
    const queries = vectors(40, 16, 3);
    const together = index.searchAll(queries, 5);
    for (const [q, query] of queries.entries()) expect(index.search(query, 5)).toEqual(together[q]);
  });

  it('does not care for the length of vectors, and puts the earlier of equal ones first', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 4, maxLength: 4 }), (query) => {
        fc.pre(query.some((x) => x !== 0));
        const index = new ExactIndex(4);
        index.addAll([
          [1, 2, 3, 4],
          [-4, 3, 2, 1],
          [1, 2, 3, 4],
        ]);
        const hits = index.search(query, 3);
        const scaled = index.search(
          query.map((x) => x * 1e-30),
          3,
        );
        expect(scaled.map((hit) => hit.index)).toEqual(hits.map((hit) => hit.index));
        const order = hits.map((hit) => hit.index);
        expect(order.indexOf(0)).toBeLessThan(order.indexOf(2));
      }),
      { numRuns: 50 },
    );
  });

  it('keeps that order among more copies than it looks at beyond k', () => {
    const index = new ExactIndex(2);
    for (let i = 0; i < 300; i++) index.add(i % 2 === 0 ? [1, 1] : [1, -1]);
    expect(index.search([1, 1], 4).map((hit) => hit.index)).toEqual([0, 2, 4, 6]);
    expect(index.search([1, -1], 4).map((hit) => hit.index)).toEqual([1, 3, 5, 7]);
  });

  it('gives all there is when k is larger, and nothing from nothing', () => {
    const index = new ExactIndex(2);
    expect(index.search([1, 0], 5)).toEqual([]);
    index.add([3, 4]);
    expect(index.search([3, 4], 5)).toHaveLength(1);
    expect(index.search([-3, -4], 5)[0]!.score).toBeCloseTo(-1, 6);
    expect(index.vector(0)[1]).toBeCloseTo(0.8, 6);
  });

  it('refuses vectors that have no place in it', () => {
    const index = new ExactIndex(2);
    for (const bad of [[1], [0, 0], [Number.NaN, 1], [Number.POSITIVE_INFINITY, 1]]) {
      expect(() => index.add(bad)).toThrow(RangeError);
      expect(() => index.search(bad)).toThrow(RangeError);
    }
    expect(() => index.search([1, 0], 0)).toThrow(RangeError);
    expect(() => new ExactIndex(0)).toThrow(RangeError);
    expect(() => index.vector(0)).toThrow(RangeError);
  });

  it('is the same after saving and loading, and grows on', () => {
    const index = new ExactIndex(8);
    index.addAll(vectors(100, 8));
    const path = join(folder, 'index.safetensors');
    index.save(path);
    const loaded = ExactIndex.load(path);
    const [query] = vectors(1, 8, 9) as [number[]];
    expect(loaded.search(query, 10)).toEqual(index.search(query, 10));
    expect(loaded.add(query)).toBe(100);
    expect(loaded.search(query, 1)[0]!.index).toBe(100);
    expect(() => ExactIndex.load(join(folder, 'none.safetensors'))).toThrow();
  });
});
