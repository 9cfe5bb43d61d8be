import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type MaskBuffers, Masker, type MaskingMode, type MaskingOptions } from './masking.js';

const SPECIAL = [0, 1, 2, 3, 4];
const [PAD, UNK, CLS, SEP, MASK] = SPECIAL as [number, number, number, number, number];
const VOCAB = 5000;

function masker(options: Partial<MaskingOptions> = {}) {
  return new Masker({ seed: 7, vocabSize: VOCAB, maskId: MASK, specialIds: SPECIAL, ...options });
}

interface Sequence {
  ids: Int32Array;
  starts: Uint8Array;
}

function buffers(length: number, rows = 1): MaskBuffers {
  return {
    inputIds: new Int32Array(length * rows),
    positions: new Int32Array(length * rows),
    labels: new Int32Array(length * rows),
  };
}

function apply(m: Masker, { ids, starts }: Sequence, epoch = 0, index = 0) {
  const out = buffers(ids.length);
  const n = m.mask(ids, starts, 0, ids.length, { epoch, index }, out, 0, 0);
  return {
    inputIds: Array.from(out.inputIds),
    positions: Array.from(out.positions.subarray(0, n)),
    labels: Array.from(out.labels.subarray(0, n)),
  };
}

/** [CLS] words of 1 to 4 tokens, here and there [SEP] or [UNK], [SEP]. */
const sequence: fc.Arbitrary<Sequence> = fc
  .array(
    fc.oneof(
      {
        weight: 12,
        arbitrary: fc.array(fc.integer({ min: 5, max: VOCAB - 1 }), { minLength: 1, maxLength: 4 }),
      },
      { weight: 1, arbitrary: fc.constantFrom([SEP], [UNK]) },
    ),
    { minLength: 6, maxLength: 120 },
  )
  .map((words) => {
    const all = [[CLS], ...words, [SEP]];
    return {
      ids: Int32Array.from(all.flat()),
      starts: Uint8Array.from(all.flatMap((word) => word.map((_, i) => (i === 0 ? 1 : 0)))),
    };
  });

const mode = fc.constantFrom<MaskingMode>('whole-word', 'ngram', 'token');

function words({ ids, starts }: Sequence): number[][] {
  const found: number[][] = [];
  let inside = false;
  ids.forEach((id, t) => {
    if (id < 5) inside = false;
    else if (!inside || starts[t] === 1) {
      found.push([t]);
      inside = true;
    } else found.at(-1)!.push(t);
  });
  return found;
}

describe('Masker', () => {
  it('masks the share it should and never more, labels are the original tokens, the rest is untouched', () => {
    fc.assert(
      fc.property(sequence, mode, fc.nat(), fc.constantFrom(0.15, 0.3), (s, m, index, rate) => {
        const { inputIds, positions, labels } = apply(masker({ mode: m, rate }), s, 3, index);
        const candidates = s.ids.filter((id) => id >= 5).length;
        const budget = candidates === 0 ? 0 : Math.max(1, Math.round(rate * candidates));
        expect(positions.length).toBeLessThanOrEqual(budget);
        if (m === 'token') expect(positions.length).toBe(budget);
        // A word that does not fit leaves at most three places.
        else if (words(s).some((w) => w.length === 1)) expect(positions.length).toBeGreaterThan(budget - 4);
        expect(positions).toEqual([...new Set(positions)].sort((a, b) => a - b));
        positions.forEach((t, i) => {
          expect(labels[i]).toBe(s.ids[t]);
        });
        const chosen = new Set(positions);
        inputIds.forEach((id, t) => {
          if (!chosen.has(t)) expect(id).toBe(s.ids[t]);
        });
      }),
    );
  });

  it('never masks a special token and never puts one in, except [MASK]', () => {
    fc.assert(
      fc.property(sequence, mode, fc.nat(), (s, m, index) => {
        const { inputIds, positions, labels } = apply(masker({ mode: m, vocabSize: VOCAB }), s, 0, index);
        for (const label of labels) expect(SPECIAL).not.toContain(label);
        for (const t of positions) expect([PAD, UNK, CLS, SEP]).not.toContain(inputIds[t]);
      }),
    );
    // With three ordinary tokens, random replacements would soon hit a special one.
    const small = masker({ vocabSize: 8, mode: 'token', rate: 0.9 });
    const ids = Int32Array.from({ length: 300 }, (_, i) => 5 + (i % 3));
    const { inputIds } = apply(small, { ids, starts: new Uint8Array(300).fill(1) });
    expect(inputIds.every((id) => id >= 4)).toBe(true);
  });

  it('masks words as a whole', () => {
    fc.assert(
      fc.property(sequence, fc.constantFrom<MaskingMode>('whole-word', 'ngram'), fc.nat(), (s, m, index) => {
        const chosen = new Set(apply(masker({ mode: m }), s, 0, index).positions);
        for (const word of words(s)) {
          const hit = word.filter((t) => chosen.has(t)).length;
          expect([0, word.length]).toContain(hit);
        }
      }),
    );
  });

  it('depends on seed, epoch and sequence number only', () => {
    fc.assert(
      fc.property(sequence, mode, fc.nat(), fc.nat(1000), (s, m, index, epoch) => {
        const one = masker({ mode: m });
        const other = masker({ mode: m });
        apply(other, s, epoch + 1, index + 5); // what came before does not matter
        expect(apply(one, s, epoch, index)).toEqual(apply(other, s, epoch, index));
      }),
    );
    const s = { ids: new Int32Array(128).fill(9), starts: new Uint8Array(128).fill(1) };
    const base = apply(masker(), s, 0, 0).positions;
    expect(apply(masker(), s, 1, 0).positions).not.toEqual(base);
    expect(apply(masker(), s, 0, 1).positions).not.toEqual(base);
    expect(apply(masker(), s, 0, 2 ** 33).positions).not.toEqual(base);
    expect(apply(masker({ seed: 8 }), s, 0, 0).positions).not.toEqual(base);
  });

  it('replaces 80 % by [MASK], 10 % by random tokens, keeps 10 %; every position is as likely', () => {
    const m = masker({ mode: 'token' });
    const ids = Int32Array.from({ length: 128 }, (_, i) => 100 + i);
    const s = { ids, starts: new Uint8Array(128).fill(1) };
    const counts = { mask: 0, keep: 0, random: 0, total: 0 };
    const at = new Float64Array(128);
    const randoms = new Set<number>();
    for (let index = 0; index < 20_000; index++) {
      const { inputIds, positions } = apply(m, s, 0, index);
      for (const t of positions) {
        counts.total++;
        at[t]!++;
        if (inputIds[t] === MASK) counts.mask++;
        else if (inputIds[t] === ids[t]) counts.keep++;
        else {
          counts.random++;
          randoms.add(inputIds[t]!);
        }
      }
    }
    // 380,000 draws: five standard deviations are 0.0033 and 0.0025.
    expect(Math.abs(counts.mask / counts.total - 0.8)).toBeLessThan(0.0033);
    expect(Math.abs(counts.random / counts.total - 0.1)).toBeLessThan(0.0025);
    expect(Math.abs(counts.keep / counts.total - 0.1)).toBeLessThan(0.0025);
    expect(randoms.size).toBeGreaterThan(VOCAB * 0.98);
    const expected = counts.total / 128;
    for (const n of at) expect(Math.abs(n - expected)).toBeLessThan(5 * Math.sqrt(expected));
  });

  it('masks runs of 1 to 4 words with 40, 30, 20 and 10 %', () => {
    // One word a token and a small share of a long text: runs seldom touch.
    const m = masker({ mode: 'ngram', rate: 0.01 });
    const length = 2000;
    const s = { ids: new Int32Array(length).fill(9), starts: new Uint8Array(length).fill(1) };
    const runs = [0, 0, 0, 0, 0];
    for (let index = 0; index < 2000; index++) {
      const { positions } = apply(m, s, 0, index);
      let run = 0;
      positions.forEach((t, i) => {
        run++;
        if (positions[i + 1] !== t + 1) {
          runs[Math.min(run, 5) - 1]!++;
          run = 0;
        }
      });
    }
    const total = runs.reduce((a, b) => a + b, 0);
    // The last run of a text is cut to what is left and neighbours join now and then: loose bounds.
    for (const [i, share] of [0.4, 0.3, 0.2, 0.1].entries()) {
      expect(Math.abs(runs[i]! / total - share)).toBeLessThan(0.05);
    }
  });

  it('takes a sequence out of the middle of a buffer into any row', () => {
    const m = masker();
    const ids = Int32Array.from({ length: 64 }, (_, i) => 10 + i);
    const starts = new Uint8Array(64).fill(1);
    const out = buffers(32, 3);
    const n = m.mask(ids, starts, 32, 32, { epoch: 0, index: 4 }, out, 2, 7);
    const alone = apply(m, { ids: ids.slice(32), starts: starts.slice(32) }, 0, 4);
    expect(Array.from(out.inputIds.subarray(64))).toEqual(alone.inputIds);
    expect(Array.from(out.positions.subarray(7, 7 + n))).toEqual(alone.positions.map((t) => t + 64));
    expect(n).toBeLessThanOrEqual(m.most(34));
  });

  it('masks nothing where there is nothing to mask, and refuses wrong options', () => {
    const special = { ids: Int32Array.from([CLS, UNK, SEP, SEP]), starts: new Uint8Array(4) };
    expect(apply(masker(), special).positions).toEqual([]);
    for (const wrong of [
      { rate: 0 },
      { rate: 1 },
      { rate: Number.NaN },
      { mode: 'word' as never },
      { vocabSize: 5 },
    ]) {
      expect(() => masker(wrong)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID_VALUE' }));
    }
  });
});
