/**
 * The files of a token cache (a folder):
 *
 * - `header.json`: this interface.
 * - `train.tokens.bin`, `held-out.tokens.bin`: little-endian uint16 per token. The documents stand one after
 *   the other in the order of the sources; each ends with [SEP], none begins with [CLS]. With at most 32,768
 *   tokens in the vocabulary, the top bit says that a word begins here (`wordStarts: 'top-bit'`); with more,
 *   `*.words.bin` holds one bit per token, lowest bit first (`wordStarts: 'bitmap'`).
 * - `train.documents.bin`, `held-out.documents.bin`: uint32 per document, its number of tokens with [SEP].
 */
export interface TokenCacheHeader {
  readonly format: 'easynlp-token-cache';
  readonly version: 1;
  readonly vocabSize: number;
  /** SHA-256 of the tokens by id, joined by line ends. */
  readonly vocabulary: string;
  readonly special: {
    readonly pad: number;
    readonly unk: number;
    readonly cls: number;
    readonly sep: number;
    readonly mask: number;
  };
  /** Ids of `##` pieces are never at the beginning of a word; kept for readers that cut sequences. */
  readonly wordStarts: 'top-bit' | 'bitmap';
  readonly segmenter: string;
  /** Share of documents held out, by a hash of their text: equal documents are on the same side. */
  readonly heldOut: number;
  readonly splits: Readonly<Record<Split, SplitHeader>>;
  readonly sources: readonly SourceHeader[];
}

export type Split = 'train' | 'heldOut';
export const SPLITS: readonly Split[] = ['train', 'heldOut'];
export const SPLIT_FILE: Readonly<Record<Split, string>> = { train: 'train', heldOut: 'held-out' };

export interface SplitHeader {
  readonly tokens: number;
  readonly documents: number;
  readonly files: readonly { readonly name: string; readonly bytes: number; readonly sha256: string }[];
}

export interface SourceHeader {
  readonly name: string;
  /** Bytes of the file, compressed as it may be. */
  readonly bytes: number;
  readonly characters: number;
  /** [UNK] among its tokens. */
  readonly unknown: number;
  /** Words as the segmenter cut them, counted by their first tokens. */
  readonly words: number;
  readonly splits: Readonly<Record<Split, SourceRange>>;
}

/** Where a source's tokens and documents stand in the files of a split. */
export interface SourceRange {
  readonly firstToken: number;
  readonly tokens: number;
  readonly firstDocument: number;
  readonly documents: number;
}

/** Bit of a uint16 that marks the beginning of a word. */
export const WORD_START = 0x8000;
export const LARGEST_TOP_BIT_VOCABULARY = 0x8000;
export const LARGEST_VOCABULARY = 0x10000;
