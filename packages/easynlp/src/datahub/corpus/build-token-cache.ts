import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EasyNlpError } from '../../errors/index.js';
import type { Encoding, Tokenizer } from '../../text/index.js';
import { readDocuments } from './documents.js';
import { jiebaSegmenter, markWordStarts, type Segmenter } from './segmenter.js';
import type { CorpusSource } from './sources.js';
import { SplitWriter } from './split-writer.js';
import {
  LARGEST_TOP_BIT_VOCABULARY,
  LARGEST_VOCABULARY,
  type SourceHeader,
  type SourceRange,
  SPLIT_FILE,
  SPLITS,
  type Split,
  type TokenCacheHeader,
} from './token-format.js';

export interface BuildTokenCacheOptions {
  readonly sources: readonly CorpusSource[];
  readonly tokenizer: Tokenizer;
  /** Folder to be made; it appears only when it is whole. */
  readonly out: string;
  /**
   * Finds the words for whole-word masking. Default: jieba, with the tokenizer's user dictionary if it has one. null:
   * pre-tokenized words (characters).
   */
  readonly segmenter?: Segmenter | null;
  /** Share of documents held out for evaluation. Default 0.005. */
  readonly heldOut?: number;
  /** Replace a cache that is there. Default false: TRAIN_OUTPUT_EXISTS. */
  readonly overwrite?: boolean;
  readonly signal?: AbortSignal;
  /** Called after each source and, during one, about every ten million characters. */
  readonly onProgress?: (progress: { source: string; characters: number; tokens: number }) => void;
}

/** Characters tokenized at once: enough for Rust's threads, little memory. */
const GROUP = 500_000;

/**
 * Tokenizes every document once into a folder of binary files (see `TokenCacheHeader`), which `TokenCache`
 * reads. Rust threads tokenize the next group while words are aligned to the tokens of the last one. Memory does
 * not grow with the corpus (0.5 to 2 GB, mostly Rust's). Throws what reading documents throws, DATA_SOURCE, TRAIN_OUTPUT; leaves nothing half written.
 */
export async function buildTokenCache(options: BuildTokenCacheOptions): Promise<TokenCacheHeader> {
  const { tokenizer, out } = options;
  const { vocabSize } = tokenizer;
  if (vocabSize > LARGEST_VOCABULARY) {
    throw new EasyNlpError('DATA_TOKENIZER', {
      file: 'vocabulary',
      reason: `${vocabSize} tokens do not fit the cache's 16 bits (at most ${LARGEST_VOCABULARY})`,
    });
  }
  if (existsSync(out) && options.overwrite !== true) {
    throw new EasyNlpError('TRAIN_OUTPUT_EXISTS', { output: out, what: 'files' });
  }
  const partial = `${out}.${process.pid}.partial`;
  const heldOut = options.heldOut ?? 0.005;
  const { userDictionary } = tokenizer;
  const segmenter = options.segmenter === undefined ? jiebaSegmenter({ userDictionary }) : options.segmenter;
  const wordStarts = vocabSize <= LARGEST_TOP_BIT_VOCABULARY ? 'top-bit' : 'bitmap';
  const writers = {} as Record<Split, SplitWriter>;
  try {
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    for (const split of SPLITS) writers[split] = new SplitWriter(partial, SPLIT_FILE[split], wordStarts);
    const aligner = new Aligner(tokenizer, segmenter);
    const sources: SourceHeader[] = [];
    for (const source of options.sources) {
      sources.push(await addSource(source, { options, aligner, writers, heldOut }));
    }
    const splits = Object.fromEntries(
      SPLITS.map((split) => [split, writers[split].finish()]),
    ) as unknown as TokenCacheHeader['splits'];
    if (splits.train.tokens === 0) throw new EasyNlpError('DATA_SOURCE', { reason: 'it holds no documents' });
    const header: TokenCacheHeader = {
      format: 'easynlp-token-cache',
      version: 1,
      vocabSize,
      vocabulary: vocabularyHash(tokenizer),
      special: {
        pad: tokenizer.padId,
        unk: tokenizer.unkId,
        cls: tokenizer.clsId,
        sep: tokenizer.sepId,
        mask: tokenizer.maskId,
      },
      wordStarts,
      segmenter: segmenter?.name ?? 'none',
      heldOut,
      splits,
      sources,
    };
    await writeFile(join(partial, 'header.json'), `${JSON.stringify(header, null, 1)}\n`);
    if (options.overwrite === true) await rm(out, { recursive: true, force: true });
    await rename(partial, out);
    return header;
  } catch (error) {
    for (const split of SPLITS) writers[split]?.abandon();
    await rm(partial, { recursive: true, force: true });
    const { code, message } = error as NodeJS.ErrnoException;
    if (!EasyNlpError.isInstance(error) && /^(ENOSPC|EACCES|EPERM|EROFS|ENOTDIR|EDQUOT)$/.test(code ?? '')) {
      throw new EasyNlpError('TRAIN_OUTPUT', { output: out, reason: message }, { cause: error });
    }
    throw error;
  }
}

/** SHA-256 that ties a cache to a vocabulary, and to what cuts words for it. */
export function vocabularyHash(tokenizer: Tokenizer): string {
  return createHash('sha256')
    .update(tokenizer.vocabulary.map((token) => token ?? '').join('\n'))
    .update(tokenizer.wordSegmenter === null ? '' : `\nwords by ${tokenizer.wordSegmenter}`)
    .digest('hex');
}

/** Whether a document is held out depends on its text alone, not on its place. */
export function isHeldOut(text: string, share: number): boolean {
  if (share <= 0) return false;
  const hash = createHash('sha256').update(text).digest().readUInt32LE(0);
  return hash < share * 0x100000000;
}

interface Adding {
  readonly options: BuildTokenCacheOptions;
  readonly aligner: Aligner;
  readonly writers: Record<Split, SplitWriter>;
  readonly heldOut: number;
}

async function addSource(source: CorpusSource, adding: Adding): Promise<SourceHeader> {
  const { options, aligner, writers, heldOut } = adding;
  const { tokenizer, signal, onProgress } = options;
  const begin = Object.fromEntries(SPLITS.map((s) => [s, writers[s].counts])) as Record<
    Split,
    { tokens: number; documents: number }
  >;
  let characters = 0;
  let told = 0;
  aligner.unknown = 0;
  aligner.words = 0;
  const tokens = () => SPLITS.reduce((sum, s) => sum + writers[s].counts.tokens - begin[s].tokens, 0);
  const write = (group: readonly string[], encodings: readonly Encoding[]) => {
    for (const [i, text] of group.entries()) {
      const ids = encodings[i]!.ids;
      if (ids.length === 0) continue;
      const starts = aligner.align(text, encodings[i]!);
      writers[isHeldOut(text, heldOut) ? 'heldOut' : 'train'].add(ids, starts, tokenizer.sepId);
      characters += text.length;
    }
    if (characters - told > 10_000_000) {
      told = characters;
      onProgress?.({ source: source.name, characters, tokens: tokens() });
    }
  };
  // One group is in Rust's hands while another is aligned and written here.
  let running: { group: string[]; encodings: Promise<Encoding[]> } | null = null;
  const hand = async (group: string[]) => {
    const previous = running;
    const encodings = tokenizer.encodeBatch(group, { addSpecialTokens: false });
    encodings.catch(() => {}); // awaited below; an error before that must not end the process
    running = { group, encodings };
    if (previous !== null) write(previous.group, await previous.encodings);
  };
  let group: string[] = [];
  let size = 0;
  for await (const { text } of readDocuments(source, { signal })) {
    group.push(text);
    size += text.length;
    if (size < GROUP) continue;
    signal?.throwIfAborted();
    await hand(group);
    group = [];
    size = 0;
  }
  if (group.length > 0) await hand(group);
  const last = running as { group: string[]; encodings: Promise<Encoding[]> } | null;
  if (last !== null) write(last.group, await last.encodings);
  onProgress?.({ source: source.name, characters, tokens: tokens() });

  const range = (split: Split): SourceRange => ({
    firstToken: begin[split].tokens,
    tokens: writers[split].counts.tokens - begin[split].tokens,
    firstDocument: begin[split].documents,
    documents: writers[split].counts.documents - begin[split].documents,
  });
  return {
    name: source.name,
    bytes: (await stat(source.path)).size,
    characters,
    unknown: aligner.unknown,
    words: aligner.words,
    splits: { train: range('train'), heldOut: range('heldOut') },
  };
}

/** Says for each token whether a word of the segmenter begins with it. */
class Aligner {
  unknown = 0;
  words = 0;
  readonly #segmenter: Segmenter | null;
  readonly #continues: Uint8Array;
  readonly #unk: number;
  #marks = new Uint8Array(1 << 16);
  #starts = new Uint8Array(1 << 16);

  constructor(tokenizer: Tokenizer, segmenter: Segmenter | null) {
    this.#segmenter = segmenter;
    this.#unk = tokenizer.unkId;
    this.#continues = Uint8Array.from(tokenizer.vocabulary, (token) =>
      token?.startsWith('##') && token.length > 2 ? 1 : 0,
    );
  }

  /**
   * 1 for each token that begins a word; valid until the next call. A `##` piece never does, whatever the
   * segmenter says: "iphone6" cut as "iphone" and "6" is masked as a whole.
   */
  align(text: string, encoding: Encoding): Uint8Array {
    const { ids } = encoding;
    if (text.length > this.#marks.length) this.#marks = new Uint8Array(text.length * 2);
    if (ids.length > this.#starts.length) this.#starts = new Uint8Array(ids.length * 2);
    const starts = this.#starts;
    const continues = this.#continues;
    const offsets = this.#segmenter === null ? null : encoding.starts;
    if (this.#segmenter !== null) markWordStarts(text, this.#segmenter.cut(text), this.#marks);
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      const begins = continues[id] === 0 && (offsets === null || this.#marks[offsets[i]!] === 1 || i === 0);
      starts[i] = begins ? 1 : 0;
      if (begins) this.words++;
      if (id === this.#unk) this.unknown++;
    }
    return starts;
  }
}
