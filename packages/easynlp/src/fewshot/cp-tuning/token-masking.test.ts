import { manualSeed, type Tensor, tensor, tidy, zeros } from '@easynlp/torch';
import { describe, expect, it } from 'vitest';
import { maskedTokenLoss, maskTokens } from './token-masking.js';

const MASK = 4;
const list = (t: Tensor) => t.toArray() as number[];
const grid = (t: Tensor) => t.toArray() as number[][];

describe('[TMSK]', () => {
  const length = 24;
  /** Rows of 20, 7, 1 and 0 tokens of text, from position 1. */
  const sizes = [20, 7, 1, 0];
  const ids = sizes.map((n) => Array.from({ length }, (_, t) => (t >= 1 && t <= n ? 10 + t : 0)));
  const text = ids.map((row) => row.map((id) => id >= 10));
  const draw = (rate: number) =>
    tidy(() => {
      const { inputIds, positions, labels } = maskTokens(
        tensor(ids, { dtype: 'int32' }),
        tensor(text, { dtype: 'bool' }),
        { rate, maskId: MASK, replacements: tensor([7, 8, 9], { dtype: 'int64' }) },
      );
      return { masked: grid(inputIds), positions: list(positions), labels: list(labels) };
    });

  it('hides the exact number of text tokens, as [MASK], another token or themselves', () => {
    manualSeed(5);
    const counts = { mask: 0, other: 0, same: 0 };
    for (let round = 0; round < 200; round++) {
      const { masked, positions, labels } = draw(0.3);
      const found = sizes.map(() => 0);
      const hidden = new Set<number>();
      for (const [i, at] of positions.entries()) {
        if (labels[i] === -100) continue;
        const [r, t] = [Math.floor(at / length), at % length];
        expect(text[r]![t]).toBe(true);
        expect(hidden.has(at)).toBe(false);
        hidden.add(at);
        found[r]!++;
        expect(labels[i]).toBe(ids[r]![t]);
        const now = masked[r]![t]!;
        if (now === MASK) counts.mask++;
        else if (now === ids[r]![t]) counts.same++;
        else {
          expect([7, 8, 9]).toContain(now);
          counts.other++;
        }
      }
      expect(found).toEqual([6, 2, 1, 0]);
      for (const [r, row] of masked.entries())
        for (const [t, id] of row.entries()) if (!hidden.has(r * length + t)) expect(id).toBe(ids[r]![t]);
    }
    const all = 200 * 9;
    expect(counts.mask / all).toBeCloseTo(0.8, 1);
    expect(counts.other / all).toBeGreaterThan(0.07);
    expect(counts.same / all).toBeGreaterThan(0.07);
  });

  it('is a function of the generator’s state', () => {
    manualSeed(9);
    const first = draw(0.15);
    const second = draw(0.15);
    manualSeed(9);
    expect(draw(0.15)).toEqual(first);
    expect(second).not.toEqual(first);
  });

  it('without any token to be found the loss is 0, with gradient 0', () => {
    tidy(() => {
      const logits = zeros([3, 5], { requiresGrad: true });
      const loss = maskedTokenLoss(logits, tensor([-100, -100, -100], { dtype: 'int64' }));
      expect(loss.item()).toBe(0);
      loss.backward();
      expect(list(logits.grad!).flat()).toEqual(new Array(15).fill(0));
      const one = maskedTokenLoss(logits, tensor([-100, 2, -100], { dtype: 'int64' }));
      expect(one.item()).toBeCloseTo(Math.log(5), 6);
    });
  });
});
