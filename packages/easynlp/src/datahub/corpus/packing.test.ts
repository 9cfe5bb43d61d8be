import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Rng } from '../../util/index.js';
import { sampleCache } from './corpus.fixture.js';
import { type PackingOptions, SequencePacker, sequentialWindows } from './packing.js';
import { Permutation } from './permutation.js';
import { TokenCache } from './token-cache.js';

let folder: string;
let cache: TokenCache;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'easynlp-packing-'));
  cache = await TokenCache.open((await sampleCache(folder)).out);
});
afterAll(() => {
  cache.close();
  rmSync(folder, { recursive: true });
});

const packer = (options: Partial<PackingOptions> = {}) =>
  new SequencePacker(cache, { sequenceLength: 32, seed: 3, ...options });

function sequence(p: SequencePacker, epoch: number, index: number) {
  const ids = new Int32Array(p.sequenceLength);
  const starts = new Uint8Array(p.sequenceLength);
  const { source } = p.read(epoch, index, ids, starts);
  return { ids: Array.from(ids), starts: Array.from(starts), source };
}

describe('Permutation', () => {
  it('is one, for any size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), fc.integer(), (size, seed) => {
        const p = new Permutation(size, new Rng(seed));
        const seen = new Set(Array.from({ length: size }, (_, i) => p.at(i)));
        expect(seen.size).toBe(size);
        expect(Math.max(...seen)).toBe(size - 1);
      }),
      { numRuns: 50 },
    );
    const large = new Permutation(2 ** 32, new Rng(1));
    const seen = new Set(Array.from({ length: 1000 }, (_, i) => large.at(2 ** 32 - 1 - i)));
    expect(seen.size).toBe(1000);
    for (const value of seen) expect(value >= 0 && value < 2 ** 32).toBe(true);
    for (const wrong of [0, 1.5, 2 ** 33])
      expect(() => new Permutation(wrong, new Rng(1))).toThrow(RangeError);
  });

  it('mixes: neighbours do not stay neighbours', () => {
    const p = new Permutation(10_000, new Rng(5));
    let near = 0;
    for (let i = 0; i + 1 < 10_000; i++) if (Math.abs(p.at(i) - p.at(i + 1)) < 10) near++;
    expect(near).toBeLessThan(60); // 19 are expected by chance
  });
});

describe('SequencePacker', () => {
  it('gives full sequences of one source, cut from its stream', () => {
    const p = packer();
    const { cls, sep } = cache.header.special;
    for (const [number, { name, tokens }] of p.sources.entries()) {
      const { firstToken } = cache.source(name).splits.train;
      const stream = new Int32Array(tokens);
      cache.read('train', firstToken, tokens, stream, new Uint8Array(tokens));
      for (let index = 0; index < p.sequencesPerEpoch; index++) {
        const { source, token } = p.locate(0, index);
        if (source !== number) continue;
        const { ids } = sequence(p, 0, index);
        const inner = Array.from({ length: 30 }, (_, i) => stream[(token + i) % tokens]);
        expect(ids).toEqual([cls, ...inner, sep]);
      }
    }
  });

  it('shows every token once before any comes twice, and cuts differently the next time', () => {
    const p = packer();
    const covered = p.sources.map(({ tokens }) => new Uint8Array(tokens));
    const offsets = new Set<number>();
    for (let index = 0; index < p.sequencesPerEpoch; index++) {
      const { source, token, pass } = p.locate(0, index);
      expect(pass).toBe(0);
      const { tokens } = p.sources[source]!;
      for (let i = 0; i < 30; i++) covered[source]![(token + i) % tokens]!++;
    }
    for (const counts of covered) {
      expect(Math.max(...counts)).toBe(1);
      expect(counts.filter((n) => n === 0).length).toBeLessThan(30); // what does not fill a sequence
    }
    for (let epoch = 0; epoch < 5; epoch++) offsets.add(p.locate(epoch, 0).token % 30);
    expect(offsets.size).toBeGreaterThan(1);
  });

  it('is a pure function of seed, epoch and index', () => {
    const one = packer();
    const other = packer();
    sequence(other, 9, 3);
    const at = (p: SequencePacker, epoch: number, i: number) => sequence(p, epoch, i).ids;
    for (const [epoch, i] of [
      [0, 0],
      [0, 17],
      [5, 3],
      [1000, 2],
    ] as const) {
      expect(at(one, epoch, i)).toEqual(at(other, epoch, i));
    }
    expect(at(one, 0, 0)).not.toEqual(at(one, 1, 0));
    expect(at(one, 0, 0)).not.toEqual(at(packer({ seed: 4 }), 0, 0));
  });

  it('mixes sources by weight and repeats evenly', () => {
    const p = packer({ weights: { exponent: 0.3, maxRate: 2 } });
    const small = p.sources.findIndex(({ name }) => name === 'small');
    const { quota, windows } = p.sources[small]!;
    expect(quota / windows).toBeCloseTo(2, 1); // capped
    const seen = new Map<number, number>();
    for (let index = 0; index < p.sequencesPerEpoch; index++) {
      const { source, pass } = p.locate(0, index);
      if (source === small) seen.set(pass, (seen.get(pass) ?? 0) + 1);
    }
    expect(seen.get(0)).toBe(windows);
    const without = packer({ weights: { multipliers: { small: 0 } }, sequencesPerEpoch: 50 });
    expect(without.sources.map(({ name }) => name)).toEqual(['big']);
    expect(without.sequencesPerEpoch).toBe(50);
  });

  it('refuses what cannot be packed', () => {
    for (const sequenceLength of [4, 32.5, 1e9]) {
      expect(() => packer({ sequenceLength })).toThrow(expect.objectContaining({ code: 'DATA_SOURCE' }));
    }
  });

  it('reads held-out documents in their order', () => {
    const windows = sequentialWindows(cache, 'heldOut', 'big', 32);
    const { firstToken, tokens } = cache.source('big').splits.heldOut;
    expect(windows.count).toBe(Math.floor(tokens / 30));
    const ids = new Int32Array(32);
    windows.read(1, ids, new Uint8Array(32));
    const wanted = new Int32Array(30);
    cache.read('heldOut', firstToken + 30, 30, wanted, new Uint8Array(30));
    expect(ids.subarray(1, 31)).toEqual(wanted);
  });
});
