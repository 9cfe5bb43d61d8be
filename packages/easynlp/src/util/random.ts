/** Snapshot of a generator as plain JSON; `new Rng(state)` continues exactly where the snapshot was taken. */
export interface RngState {
  readonly algorithm: 'xoshiro128**';
  /** The four 32-bit words of the state, as unsigned integers. */
  readonly words: readonly [number, number, number, number];
}

const MASK64 = (1n << 64n) - 1n;

/**
 * Seeded random numbers whose state can be written to a checkpoint.
 *
 * xoshiro128** 1.1 (Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators", 2021), seeded
 * through SplitMix64 as its authors advise. It needs only 32-bit arithmetic, so shuffling millions of rows
 * stays cheap in JavaScript. Not for cryptography.
 *
 * @example
 * const rng = new Rng(42);
 * rng.int(10); // the same on every machine
 */
export class Rng {
  private readonly words = new Uint32Array(4);

  /** @param seed a safe integer (negative ones too), or a state taken from another generator. */
  constructor(seed: number | RngState) {
    if (typeof seed === 'number') {
      if (!Number.isSafeInteger(seed)) throw new RangeError(`The seed must be a safe integer, got ${seed}.`);
      this.seed(BigInt(seed));
    } else {
      this.restore(seed);
    }
  }

  /**
   * A generator of its own for one purpose, e.g. `Rng.derive(seed, 'shuffle', epoch)`. Streams of different
   * paths are independent, so that drawing more numbers for one purpose does not change another.
   */
  static derive(seed: number, ...path: readonly (string | number)[]): Rng {
    const rng = new Rng(seed);
    // FNV-1a, 64 bit, over the JSON text: unambiguous between ['a', 1] and ['a1'].
    let hash = 0xcbf29ce484222325n;
    for (const byte of Buffer.from(JSON.stringify([seed, ...path]), 'utf8')) {
      hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & MASK64;
    }
    rng.seed(hash);
    return rng;
  }

  private seed(seed: bigint): void {
    let x = seed & MASK64;
    for (let i = 0; i < 4; i += 2) {
      x = (x + 0x9e3779b97f4a7c15n) & MASK64;
      let z = x;
      z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK64;
      z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK64;
      z ^= z >> 31n;
      this.words[i] = Number(z & 0xffffffffn);
      this.words[i + 1] = Number(z >> 32n);
    }
  }

  get state(): RngState {
    const [a, b, c, d] = this.words as unknown as [number, number, number, number];
    return { algorithm: 'xoshiro128**', words: [a, b, c, d] };
  }

  /** Continues from `state`; throws RangeError when it is not a state of this generator. */
  restore(state: RngState): void {
    const words: readonly number[] = Array.isArray(state?.words) ? state.words : [];
    const valid =
      state?.algorithm === 'xoshiro128**' &&
      words.length === 4 &&
      words.every((word) => Number.isInteger(word) && word >= 0 && word <= 0xffffffff) &&
      words.some((word) => word !== 0); // from all zeros it would only ever return zero
    if (!valid) {
      throw new RangeError(
        `Not a random generator's state: expected {"algorithm":"xoshiro128**","words":[4 unsigned 32-bit integers, not all 0]}, got ${JSON.stringify(state)}.`,
      );
    }
    this.words.set(words);
  }

  /** A uniform integer in [0, 2³²). */
  uint32(): number {
    const s = this.words;
    const s1 = s[1]!;
    const product = Math.imul(s1, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    s[2]! ^= s[0]!;
    s[3]! ^= s1;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= s1 << 9;
    s[3] = (s[3]! << 11) | (s[3]! >>> 21);
    return result;
  }

  /** A uniform number in [0, 1) with 53 random bits. */
  float(): number {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 0x4000000 + low) / 0x20000000000000;
  }

  /** A uniform integer in [0, `bound`), without modulo bias; `bound` is from 1 to 2³². */
  int(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > 0x100000000) {
      throw new RangeError(`The bound must be an integer from 1 to 2^32, got ${bound}.`);
    }
    const limit = 0x100000000 - (0x100000000 % bound);
    let value = this.uint32();
    while (value >= limit) value = this.uint32();
    return value % bound;
  }
}

/** What `shuffle` can permute in place: arrays and typed arrays. */
export interface MutableList<T> {
  readonly length: number;
  [index: number]: T;
}

/** Fisher–Yates in place; returns the same list. The order depends only on the generator's state and the length. */
export function shuffle<L extends MutableList<unknown>>(list: L, rng: Rng): L {
  const items: MutableList<unknown> = list;
  for (let i = items.length - 1; i > 0; i--) {
    const j = rng.int(i + 1);
    const held = items[i];
    items[i] = items[j];
    items[j] = held;
  }
  return list;
}
