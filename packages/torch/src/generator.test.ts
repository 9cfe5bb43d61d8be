import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  cat,
  Generator,
  getRngState,
  manualSeed,
  nn,
  ones,
  rand,
  randn,
  randperm,
  type Scope,
  scope,
  setRngState,
  tensor,
  zeros,
} from './index.js';
import { type Dump, fixture, relativeError } from './testing/load.fixture.js';

let inner: Scope;
beforeEach(() => {
  inner = scope();
});
afterEach(() => inner.close());

test('a seed gives PyTorch’s numbers', () => {
  const expected = fixture<{ seed: number; randn: Dump; rand: Dump; randperm: number[]; dropout: Dump }>(
    import.meta.url,
    'fixtures/rng.json',
  );
  manualSeed(expected.seed);
  expect(relativeError(randn([4]), expected.randn)).toBeLessThan(1e-6);
  expect(relativeError(rand([4]), expected.rand)).toBe(0);
  expect(randperm(6).toArray()).toEqual(expected.randperm);
  expect(nn.functional.dropout(ones([8]), 0.5).toArray()).toEqual(expected.dropout.data);
});

describe('state', () => {
  // 4 normal numbers leave half a pair behind, which belongs to the state too
  test.each([1, 4, 17, 700])('of the default generator is restored bitwise after %i draws', (draws) => {
    manualSeed(9);
    randn([draws]);
    const state = getRngState();
    const once = [randn([33]), rand([5]), randperm(9)];
    setRngState(state);
    const twice = [randn([33]), rand([5]), randperm(9)];
    for (const [i, t] of once.entries()) expect(t.equal(twice[i]!)).toBe(true);
  });

  test('of a generator of its own, independent of the default one', () => {
    const generator = new Generator(5);
    manualSeed(1);
    const first = randn([8], { generator });
    manualSeed(2);
    expect(randn([8], { generator }).equal(first)).toBe(false);
    expect(randn([8], { generator: new Generator(5) }).equal(first)).toBe(true);
    const state = generator.getState();
    const next = randn([3], { generator });
    generator.setState(state);
    expect(randn([3], { generator }).equal(next)).toBe(true);
    expect(randn([8], { generator: generator.manualSeed(5) }).equal(first)).toBe(true);
  });

  test('survives bytes and back', () => {
    manualSeed(3);
    const bytes = getRngState().toTypedArray();
    const expected = randn([6]);
    setRngState(tensor([...bytes].map(Number), { dtype: 'uint8' }));
    expect(randn([6]).equal(expected)).toBe(true);
  });

  test('is read from a view too, wherever it lies in its memory', () => {
    manualSeed(3);
    const state = getRngState();
    const expected = randn([6]);
    for (const before of [1, 7, 16]) {
      const memory = cat([zeros([before], { dtype: 'uint8' }), state]);
      setRngState(memory.narrow(0, before, state.numel));
      expect(randn([6]).equal(expected)).toBe(true);
    }
  });

  test('that is none is refused', () => {
    expect(() => setRngState(tensor([1, 2, 3], { dtype: 'uint8' }))).toThrow();
    expect(() => setRngState(tensor([1.5]))).toThrow();
    expect(() => getRngState('gpu')).toThrow();
  });

  test('any 64-bit seed is taken, others are refused', () => {
    const draw = (seed: bigint) => {
      manualSeed(seed);
      return randn([2]);
    };
    expect(draw(2n ** 63n).equal(draw(-(2n ** 63n)))).toBe(true);
    expect(draw(2n ** 64n - 1n).equal(draw(-1n))).toBe(true);
    expect(() => manualSeed(2n ** 64n)).toThrow(/64 bits/);
    expect(() => manualSeed(0.5)).toThrow(/seed/);
  });
});
