import { EasyNlpError } from '../../errors/index.js';
import type { Tokenizer } from '../../text/index.js';
import type { PromptPattern } from './pattern.js';
import { longestFirst } from './truncate.js';

/** What a token of a prompted text is. */
export const TOKEN_KIND = { special: 0, prompt: 1, text: 2, mask: 3, pseudo: 4 } as const;

/** A row's text in a prompt. */
export interface PromptSequence {
  readonly ids: Int32Array;
  /** Segment of each token; null where all are 0. */
  readonly typeIds: Int32Array | null;
  /** What each token is, `TOKEN_KIND`: only those of kind `text` may be masked for an auxiliary MLM, for example. */
  readonly kinds: Uint8Array;
  /** Positions of the [MASK] block, ascending. */
  readonly masks: Int32Array;
  /** Positions of the pseudo tokens, by number. Their ids are [UNK]: a model must put its own vectors there. */
  readonly pseudo: Int32Array;
}

export interface PromptEncoderOptions {
  readonly pattern: PromptPattern;
  readonly tokenizer: Tokenizer;
  /** Longest sequence in tokens, everything included. */
  readonly sequenceLength: number;
  /** Lengths of the [MASK] block: each gives a sequence of its own. Default [1]. */
  readonly blocks?: readonly number[];
  /** End with [SEP], as in pre-training. Default true; EasyNLP has none. */
  readonly sep?: boolean;
}

type Part =
  | { readonly kind: 'fixed'; readonly ids: Int32Array; readonly token: number }
  | { readonly kind: 'column'; readonly index: number }
  | { readonly kind: 'label' }
  | { readonly kind: 'pseudo'; readonly index: number }
  | { readonly kind: 'sep' };

/**
 * Puts texts into a prompt: [CLS], the pieces of the pattern, [SEP]. Texts that are too long are cut, the longest
 * first; the prompt itself never is.
 *
 * @example
 * const pattern = parsePattern('"It was ",label,". ",text', { columns: ['text', 'label'], label: 'label' });
 * const encoder = await PromptEncoder.create({ pattern, tokenizer, sequenceLength: 128 });
 * const [[sequence]] = await encoder.encode([['a fine film']]);
 * sequence.ids; // [CLS] it was [MASK] . a fine film [SEP]
 * sequence.masks; // [3]
 */
export class PromptEncoder {
  readonly pattern: PromptPattern;
  readonly tokenizer: Tokenizer;
  readonly blocks: readonly number[];
  /** Tokens that are not the rows' own, with the longest block. */
  readonly promptLength: number;
  readonly #parts: readonly Part[];
  readonly #sep: boolean;
  readonly #sequenceLength: number;

  private constructor(options: PromptEncoderOptions, parts: readonly Part[]) {
    const { pattern, tokenizer, sequenceLength, blocks = [1], sep = true } = options;
    this.pattern = pattern;
    this.tokenizer = tokenizer;
    this.blocks = blocks;
    this.#parts = parts;
    this.#sep = sep;
    this.#sequenceLength = sequenceLength;
    const fixed = parts.reduce((sum, part) => sum + fixedLength(part, Math.max(...blocks)), 0);
    this.promptLength = 1 + fixed + (sep ? 1 : 0);
    if (this.promptLength + pattern.columns.length > sequenceLength) {
      throw new EasyNlpError('PROMPT_TOO_LONG', {
        prompt: this.promptLength,
        sequenceLength,
        columns: pattern.columns.length === 1 ? 'column' : `${pattern.columns.length} columns`,
      });
    }
  }

  /** @throws EasyNlpError PROMPT_TOO_LONG when the prompt leaves no place for the texts */
  static async create(options: PromptEncoderOptions): Promise<PromptEncoder> {
    const { pattern, tokenizer } = options;
    const texts = pattern.pieces.flatMap((piece) => (piece.kind === 'text' ? [piece.text] : []));
    const encoded = await tokenizer.encodeBatch(texts, { addSpecialTokens: false });
    let next = 0;
    const parts = pattern.pieces.map((piece): Part => {
      if (piece.kind === 'text')
        return { kind: 'fixed', ids: encoded[next++]!.ids, token: TOKEN_KIND.prompt };
      if (piece.kind === 'column') return { kind: 'column', index: pattern.columns.indexOf(piece.column) };
      return piece;
    });
    return new PromptEncoder(options, parts);
  }

  /**
   * @param rows the texts of each row, in the order of the pattern's `columns`
   * @returns the sequences of each row, one for each length of the [MASK] block
   */
  async encode(rows: readonly (readonly string[])[]): Promise<PromptSequence[][]> {
    const columns = this.pattern.columns.length;
    const encoded = await this.tokenizer.encodeBatch(rows.flat(), {
      addSpecialTokens: false,
      maxLength: this.#sequenceLength,
    });
    return rows.map((_, r) => {
      const texts = encoded.slice(r * columns, (r + 1) * columns).map(({ ids }) => ids);
      return this.place(texts);
    });
  }

  /** The same from the tokens of one row's texts. */
  place(texts: readonly Int32Array[]): PromptSequence[] {
    const occurrences = this.#parts.flatMap((part) => (part.kind === 'column' ? [texts[part.index]!] : []));
    // The budget goes by the longest block, so that every block sees the same texts.
    const kept = longestFirst(
      occurrences.map((ids) => ids.length),
      this.#sequenceLength - this.promptLength,
    );
    const cut = occurrences.map((ids, i) => ids.subarray(0, kept[i]!));
    return this.blocks.map((block) => this.#lay(cut, block));
  }

  #lay(texts: readonly Int32Array[], block: number): PromptSequence {
    const { clsId, sepId, maskId, unkId } = this.tokenizer;
    const length =
      1 +
      this.#parts.reduce((sum, part) => sum + fixedLength(part, block), 0) +
      texts.reduce((sum, ids) => sum + ids.length, 0) +
      (this.#sep ? 1 : 0);
    const ids = new Int32Array(length);
    const kinds = new Uint8Array(length);
    const typeIds = new Int32Array(length);
    const masks = new Int32Array(block);
    const pseudo = new Int32Array(this.pattern.pseudoTokens);
    let at = 0;
    let segment = 0;
    let text = 0;
    const put = (id: number, kind: number) => {
      ids[at] = id;
      kinds[at] = kind;
      typeIds[at] = segment;
      at++;
    };
    put(clsId, TOKEN_KIND.special);
    for (const part of this.#parts) {
      switch (part.kind) {
        case 'fixed':
          for (const id of part.ids) put(id, part.token);
          break;
        case 'column':
          for (const id of texts[text++]!) put(id, TOKEN_KIND.text);
          break;
        case 'label':
          for (let i = 0; i < block; i++) {
            masks[i] = at;
            put(maskId, TOKEN_KIND.mask);
          }
          break;
        case 'pseudo':
          pseudo[part.index] = at;
          put(unkId, TOKEN_KIND.pseudo);
          break;
        case 'sep':
          put(sepId, TOKEN_KIND.special);
          segment = 1;
          break;
      }
    }
    if (this.#sep) put(sepId, TOKEN_KIND.special);
    return { ids, typeIds: segment === 0 ? null : typeIds, kinds, masks, pseudo };
  }
}

function fixedLength(part: Part, block: number): number {
  switch (part.kind) {
    case 'fixed':
      return part.ids.length;
    case 'label':
      return block;
    case 'column':
      return 0;
    default:
      return 1;
  }
}
