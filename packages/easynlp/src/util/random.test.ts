import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rng, type RngState, shuffle } from './random.js';

const from = (...words: [number, number, number, number]) => new Rng({ algorithm: 'xoshiro128**', words });
const draw = (rng: Rng, count: number) => Array.from({ length: count }, () => rng.uint32());

describe('Rng', () => {
  it('gives the published sequence of xoshiro128** 1.1 for the state 1, 2, 3, 4', () => {
    expect(draw(from(1, 2, 3, 4), 10)).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ]);
  });

  it('seeds through SplitMix64 (whose first output for 0 is 0xe220a8397b1dcdaf)', () => {
    expect(new Rng(0).state.words).toEqual([0x7b1dcdaf, 0xe220a839, 0xa1b965f4, 0x6e789e6a]);
    expect(draw(new Rng(0), 5)).toEqual([3737715805, 2584255861, 2876756834, 3286328325, 1553311962]);
  });

  it('continues exactly from a state that went through JSON', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.nat(50), (seed, skipped) => {
        const rng = new Rng(seed);
        draw(rng, skipped);
        const restored = new Rng(JSON.parse(JSON.stringify(rng.state)) as RngState);
        expect(draw(restored, 20)).toEqual(draw(rng, 20));
      }),
    );
  });

  it('gives independent streams per path and the same stream for the same path', () => {
    const first = (...path: (string | number)[]) => Rng.derive(7, ...path).uint32();
    expect(first('shuffle', 1)).toBe(first('shuffle', 1));
    const seen = [first('shuffle', 1), first('shuffle', 2), first('shuffle1'), first('mask', 1), first()];
    expect(new Set(seen).size).toBe(seen.length);
    expect(Rng.derive(8, 'shuffle', 1).uint32()).not.toBe(first('shuffle', 1));
  });

  it('draws integers without bias and floats in [0, 1)', () => {
    const rng = new Rng(3);
    const counts = new Array<number>(6).fill(0);
    for (let i = 0; i < 60_000; i++) counts[rng.int(6)]!++;
    // 5 standard deviations of a binomial(60000, 1/6) are 456.
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(456);
    let sum = 0;
    for (let i = 0; i < 10_000; i++) {
      const value = rng.float();
      expect(value >= 0 && value < 1).toBe(true);
      sum += value;
    }
    expect(Math.abs(sum / 10_000 - 0.5)).toBeLessThan(0.015);
    expect(rng.int(1)).toBe(0);
    expect(rng.int(2 ** 32)).toBeLessThan(2 ** 32);
  });

  it('refuses bad seeds, bounds and states', () => {
    for (const seed of [0.5, Number.NaN, 2 ** 53]) expect(() => new Rng(seed)).toThrow(/safe integer/);
    for (const bound of [0, -1, 1.5, 2 ** 33]) expect(() => new Rng(1).int(bound)).toThrow(/bound/);
    for (const state of [
      null,
      {},
      { algorithm: 'mt19937', words: [1, 2, 3, 4] },
      { algorithm: 'xoshiro128**', words: [0, 0, 0, 0] },
      { algorithm: 'xoshiro128**', words: [1, 2, 3] },
      { algorithm: 'xoshiro128**', words: [1, 2, 3, -1] },
    ]) {
      expect(() => new Rng(state as unknown as RngState)).toThrow(/Not a random generator's state/);
    }
  });
});

describe('shuffle', () => {
  it('is a permutation, in place, decided by the seed', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.integer(), (list, seed) => {
        const copy = [...list];
        expect(shuffle(copy, new Rng(seed))).toBe(copy);
        expect([...copy].sort((a, b) => a - b)).toEqual([...list].sort((a, b) => a - b));
        expect(copy).toEqual(shuffle([...list], new Rng(seed)));
      }),
    );
  });

  it('puts each of the six orders of three items equally often', () => {
    const rng = new Rng(5);
    const counts = new Map<string, number>();
    for (let i = 0; i < 12_000; i++) {
      const key = shuffle(Uint32Array.of(0, 1, 2), rng).join('');
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 2000)).toBeLessThan(205);
  });
});
