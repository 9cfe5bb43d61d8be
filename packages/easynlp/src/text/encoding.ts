import type { Encoding as NativeEncoding } from 'tokenizers';
import { codePointBoundaries } from './offsets.js';
import type { CutText } from './word-cutter.js';

/** Start and end of a token in its own sequence, in UTF-16 code units: `text.slice(start, end)`. */
export type Offset = readonly [start: number, end: number];

/**
 * The tokens of one text or pair, special tokens included. Ids are copied out at once; everything else is
 * fetched from the Rust side on first use, because training reads ids and types only. An encoding that is
 * kept alive keeps its Rust counterpart (about 150 bytes a token): copy out what you need and drop it.
 */
export class Encoding {
  /** Token ids, int32, one per token. */
  readonly ids: Int32Array;
  readonly #native: NativeEncoding;
  readonly #texts: readonly [string] | readonly [string, string];
  /** Where the tokens' characters stand in the texts, when words were cut out of them first. */
  readonly #cuts: readonly CutText[] | null;
  #typeIds: Int32Array | undefined;
  #specialTokensMask: Uint8Array | undefined;
  #sequenceIds: readonly (0 | 1 | null)[] | undefined;
  #wordIds: readonly (number | null)[] | undefined;
  #offsets: readonly Offset[] | undefined;

  constructor(
    native: NativeEncoding,
    texts: readonly [string] | readonly [string, string],
    cuts: readonly CutText[] | null = null,
  ) {
    this.#native = native;
    this.#texts = texts;
    this.#cuts = cuts;
    this.ids = Int32Array.from(native.getIds());
  }

  /** Number of tokens. */
  get length(): number {
    return this.ids.length;
  }

  /** Segment of each token: 0 for the first text, 1 for the second (as the model's template says). */
  get typeIds(): Int32Array {
    this.#typeIds ??= Int32Array.from(this.#native.getTypeIds());
    return this.#typeIds;
  }

  /** 1 where the token was added by the template ([CLS], [SEP]), 0 where it stands for text. */
  get specialTokensMask(): Uint8Array {
    this.#specialTokensMask ??= Uint8Array.from(this.#native.getSpecialTokensMask());
    return this.#specialTokensMask;
  }

  /** The tokens as strings, `##` prefixes included. */
  get tokens(): readonly string[] {
    return this.#native.getTokens();
  }

  /** Which text a token belongs to: 0, 1, or null for the template's tokens. */
  get sequenceIds(): readonly (0 | 1 | null)[] {
    this.#sequenceIds ??= this.#native.getSequenceIds().map((id) => (id === 0 ? 0 : id === 1 ? 1 : null));
    return this.#sequenceIds;
  }

  /**
   * Number of the pre-tokenized word (per text) that a token is a piece of; null for the template's tokens. Chinese
   * characters are words of their own, but for those of a tokenizer of words.
   */
  get wordIds(): readonly (number | null)[] {
    this.#wordIds ??= this.#native.getWordIds().map((id) => id ?? null);
    return this.#wordIds;
  }

  /** The first halves of `offsets`, without an array for each token: for texts of many tokens. */
  get starts(): Int32Array {
    if (this.#cuts !== null) return Int32Array.from(this.offsets, ([start]) => start);
    const raw = this.#native.getOffsets();
    const starts = new Int32Array(raw.length);
    const boundaries = this.#texts.map(codePointBoundaries);
    const single = boundaries.length === 1 ? boundaries[0]! : undefined;
    const sequences = single === undefined || single !== null ? this.sequenceIds : null;
    for (let token = 0; token < starts.length; token++) {
      const start = raw[token]![0]!;
      const map = sequences === null ? null : (boundaries[sequences[token] ?? -1] ?? null);
      starts[token] = map === null ? start : map[start]!;
    }
    return starts;
  }

  /** Where each token stands in its own text, in UTF-16 code units; [0, 0] for the template's tokens. */
  get offsets(): readonly Offset[] {
    if (this.#cuts !== null) {
      const cuts = this.#cuts;
      const sequences = this.sequenceIds;
      this.#offsets ??= this.#native.getOffsets().map(([start, end], token): Offset => {
        const cut = cuts[sequences[token] ?? -1];
        return cut === undefined ? [0, 0] : [cut.starts[start!]!, cut.ends[end! - 1]!];
      });
    }
    if (this.#offsets === undefined) {
      const boundaries = this.#texts.map(codePointBoundaries);
      const sequences = this.sequenceIds;
      this.#offsets = this.#native.getOffsets().map(([start, end], token): Offset => {
        const map = boundaries[sequences[token] ?? -1] ?? null;
        return map === null ? [start!, end!] : [map[start!]!, map[end!]!];
      });
    }
    return this.#offsets;
  }
}
