import type { Rng } from '../../util/index.js';

/**
 * A pseudo-random permutation of 0 … n−1 of which any value can be had without the others: a Feistel network
 * of four rounds over the next even number of bits, applied again until the value is below n (Black and
 * Rogaway 2002, "Ciphers with Arbitrary Finite Domains"). No memory, whatever n (at most 2³²).
 */
export class Permutation {
  readonly #half: number;
  readonly #mask: number;
  readonly #keys: readonly [number, number, number, number];

  constructor(
    readonly size: number,
    rng: Rng,
  ) {
    if (!Number.isInteger(size) || size < 1 || size > 2 ** 32) {
      throw new RangeError(`The size of a permutation must be from 1 to 2^32, got ${size}.`);
    }
    const bits = Math.max(1, Math.ceil(Math.log2(size)));
    this.#half = Math.ceil(bits / 2);
    this.#mask = 2 ** this.#half - 1;
    this.#keys = [rng.uint32(), rng.uint32(), rng.uint32(), rng.uint32()];
  }

  /** Where `index` (0 … size − 1) goes. */
  at(index: number): number {
    let value = index;
    do {
      let left = Math.floor(value / (this.#mask + 1));
      let right = value % (this.#mask + 1);
      for (const key of this.#keys) {
        const mixed = (left ^ (mix32(right ^ key) & this.#mask)) >>> 0;
        left = right;
        right = mixed;
      }
      value = left * (this.#mask + 1) + right;
    } while (value >= this.size);
    return value;
  }
}

/** The finalizer of MurmurHash3: every bit of the result depends on every bit of `x`. */
export function mix32(x: number): number {
  let h = x | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
