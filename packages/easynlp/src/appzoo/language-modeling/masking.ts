import { mix32 } from '../../datahub/corpus/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { Rng } from '../../util/index.js';

/**
 * Which tokens a masked language model must find. The rules, all in this file:
 *
 * - **Candidates** are all tokens but the special ones ([PAD] [UNK] [CLS] [SEP] [MASK], and whatever else is
 *   named). Candidates are grouped into units:
 *   - `whole-word` (default): words of the segmenter, as the token cache marks them. In Chinese a word is
 *     mostly of two or more characters (Cui et al. 2021, "Pre-Training with Whole Word Masking for Chinese
 *     BERT"); in EasyNLP only `##` pieces are joined, that is, characters are masked one by one.
 *   - `ngram`: runs of 1, 2, 3 or 4 words that stand side by side, with probability 40, 30, 20 and 10 %
 *     (MacBERT, Cui et al. 2020). MacBERT replaces by similar words; we keep [MASK].
 *   - `token`: single tokens (Devlin et al. 2019).
 *   Units end at special tokens, so none spans two documents.
 * - **How many**: exactly `max(1, round(rate × candidates))` tokens where units of the right size are left,
 *   never more. Units are taken in a random order; one that would go beyond the number is left out (an n-gram
 *   is shortened), as in BERT. Only a sequence whose words are all longer than that has none masked.
 * - **What with**: each chosen token, independently, becomes [MASK] with probability 0.8, a random token that
 *   is not special with 0.1, and stays with 0.1. All chosen tokens are labels.
 * - **When**: anew in every epoch; the choice is a function of (seed, epoch, sequence number) and nothing else.
 */
export type MaskingMode = 'whole-word' | 'ngram' | 'token';
export const MASKING_MODES: readonly MaskingMode[] = ['whole-word', 'ngram', 'token'];

export interface MaskingOptions {
  readonly mode?: MaskingMode;
  /** Share of candidates to be found. Default 0.15. */
  readonly rate?: number;
  readonly seed: number;
  readonly vocabSize: number;
  readonly maskId: number;
  /** Never masked and never a random replacement. */
  readonly specialIds: readonly number[];
}

/** Where masked sequences go; preallocated, so that masking allocates nothing. */
export interface MaskBuffers {
  /** [batch × length] ids, masked. */
  readonly inputIds: Int32Array;
  /** Flat indices (row × length + position) of the tokens to be found, ascending within a sequence. */
  readonly positions: Int32Array;
  /** Ids of those tokens. */
  readonly labels: Int32Array;
}

const MASKED = Math.round(0.8 * 2 ** 32);
const RANDOM = Math.round(0.9 * 2 ** 32);
/** Cumulated shares of 1, 2, 3 and 4 words. */
const NGRAM = [0.4, 0.7, 0.9, 1].map((share) => share * 2 ** 32);

/** Applies the rules above to one sequence after another. Not for use by several threads. */
export class Masker {
  readonly mode: MaskingMode;
  readonly rate: number;
  readonly #options: MaskingOptions;
  readonly #special: Uint8Array;
  readonly #random = new Uint32Array(4);
  readonly #key = new Uint32Array(4);
  #epoch = -1;
  #begins = new Int32Array(0);
  #ends = new Int32Array(0);
  #order = new Int32Array(0);
  #taken = new Uint8Array(0);
  #chosen = new Uint8Array(0);

  /** Throws CONFIG_INVALID_VALUE. */
  constructor(options: MaskingOptions) {
    const { mode = 'whole-word', rate = 0.15, vocabSize, specialIds } = options;
    const wrong = (key: string, expected: string, got: unknown) =>
      new EasyNlpError('CONFIG_INVALID_VALUE', { key, expected, got: JSON.stringify(got) });
    if (!MASKING_MODES.includes(mode)) throw wrong('masking', MASKING_MODES.join(', '), mode);
    if (!(rate > 0 && rate < 1)) throw wrong('maskingRate', 'a number between 0 and 1', rate);
    this.mode = mode;
    this.rate = rate;
    this.#options = options;
    this.#special = new Uint8Array(vocabSize);
    for (const id of specialIds) this.#special[id] = 1;
    if (!this.#special.includes(0)) throw wrong('vocabSize', 'tokens that are not special', vocabSize);
  }

  /** Tokens masked at most in a sequence of `length` of which two are [CLS] and [SEP]. */
  most(length: number): number {
    return Math.max(1, Math.round(this.rate * (length - 2)));
  }

  /**
   * Masks `length` tokens of `ids` (word-start bits in `starts`), both from index `at`, as row `row` of `out`,
   * whose positions and labels are written from index `slot`. Returns the number of tokens to be found.
   */
  mask(
    ids: Int32Array,
    starts: Uint8Array,
    at: number,
    length: number,
    place: { readonly epoch: number; readonly index: number },
    out: MaskBuffers,
    row: number,
    slot: number,
  ): number {
    this.#reserve(length);
    this.#seed(place.epoch, place.index);
    const special = this.#special;
    const begins = this.#begins;
    const ends = this.#ends;
    const { inputIds } = out;
    const base = row * length;
    const single = this.mode === 'token';

    let units = 0;
    let candidates = 0;
    let inside = false;
    for (let t = 0; t < length; t++) {
      const id = ids[at + t]!;
      inputIds[base + t] = id;
      this.#chosen[t] = 0;
      if (special[id] === 1) {
        inside = false;
        continue;
      }
      candidates++;
      if (single || !inside || starts[at + t] === 1) {
        begins[units] = t;
        units++;
        inside = true;
      }
      ends[units - 1] = t + 1;
    }
    if (candidates === 0) return 0;
    this.#choose(units, Math.max(1, Math.round(this.rate * candidates)));

    let found = slot;
    const { maskId, vocabSize } = this.#options;
    for (let t = 0; t < length; t++) {
      if (this.#chosen[t] === 0) continue;
      const id = inputIds[base + t]!;
      out.positions[found] = base + t;
      out.labels[found] = id;
      found++;
      const draw = this.#uint32();
      if (draw < MASKED) inputIds[base + t] = maskId;
      else if (draw < RANDOM) {
        let other = this.#below(vocabSize);
        while (special[other] === 1) other = this.#below(vocabSize);
        inputIds[base + t] = other;
      }
    }
    return found - slot;
  }

  /** Marks tokens of randomly chosen units in `#chosen`, `budget` of them at most. */
  #choose(units: number, budget: number): void {
    const begins = this.#begins;
    const ends = this.#ends;
    const order = this.#order;
    const taken = this.#taken;
    const chosen = this.#chosen;
    for (let i = 0; i < units; i++) {
      order[i] = i;
      taken[i] = 0;
    }
    const ngram = this.mode === 'ngram';
    let left = budget;
    for (let i = 0; i < units && left > 0; i++) {
      const other = i + this.#below(units - i);
      const unit = order[other]!;
      order[other] = order[i]!;
      order[i] = unit;
      const words = ngram ? this.#ngramLength() : 1;
      for (let n = 0, next = unit; n < words && next < units; n++, next++) {
        const begin = begins[next]!;
        const end = ends[next]!;
        // A run stops at a special token, at a word that is taken, and where the number would be exceeded.
        if (taken[next] === 1 || end - begin > left || (n > 0 && begin !== ends[next - 1])) break;
        taken[next] = 1;
        for (let t = begin; t < end; t++) chosen[t] = 1;
        left -= end - begin;
      }
    }
  }

  #ngramLength(): number {
    const draw = this.#uint32();
    return draw < NGRAM[0]! ? 1 : draw < NGRAM[1]! ? 2 : draw < NGRAM[2]! ? 3 : 4;
  }

  #reserve(length: number): void {
    if (length <= this.#chosen.length) return;
    this.#begins = new Int32Array(length);
    this.#ends = new Int32Array(length);
    this.#order = new Int32Array(length);
    this.#taken = new Uint8Array(length);
    this.#chosen = new Uint8Array(length);
  }

  /** `Rng.derive` for the epoch, then the sequence's number mixed in: thousands of sequences come each ms. */
  #seed(epoch: number, index: number): void {
    if (epoch !== this.#epoch) {
      const rng = Rng.derive(this.#options.seed, 'masking', epoch);
      for (let k = 0; k < 4; k++) this.#key[k] = rng.uint32();
      this.#epoch = epoch;
    }
    const low = index >>> 0;
    const high = Math.floor(index / 2 ** 32);
    const words = this.#random;
    for (let k = 0; k < 4; k++) {
      words[k] = mix32(mix32(this.#key[k]! ^ low) + Math.imul(high + k + 1, 0x9e3779b1));
    }
    if ((words[0]! | words[1]! | words[2]! | words[3]!) === 0) words[0] = 1;
  }

  /** xoshiro128** as in `Rng`, in this class because a call for each token is what the time goes into. */
  #uint32(): number {
    const s = this.#random;
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

  /** 0 … bound − 1; the bias of at most bound / 2³² does not matter here. */
  #below(bound: number): number {
    return Math.floor((this.#uint32() * bound) / 2 ** 32);
  }
}
