import { type Encoding as NativeEncoding, Tokenizer as NativeTokenizer } from 'tokenizers';
import { EasyNlpError } from '../errors/index.js';
import { type BertTokenizerOptions, bertSpec, bertSpecialTokens, type SpecialRole } from './bert-spec.js';
import { Encoding } from './encoding.js';
import { type LoadTokenizerOptions, loadTokenizerFolder, type TokenizerParts } from './load-folder.js';
import { saveTokenizerFolder } from './save-folder.js';
import type { UserWord } from './user-word.js';
import { type CutText, UNIT_BORDER, WordCutter } from './word-cutter.js';
import { wordConfig } from './word-settings.js';

/** One text, or a pair of texts. */
export type TextInput = string | readonly [string, string];

export interface EncodeOptions {
  /**
   * Greatest number of tokens, special ones included. Longer input is cut as Hugging Face's `longest_first`
   * does: from the end of the longer text of a pair. Default: never cut.
   */
  readonly maxLength?: number;
  readonly truncation?: 'longest_first';
  /** Add the template's tokens ([CLS], [SEP]). Default true. */
  readonly addSpecialTokens?: boolean;
}

/** Rows of one call into Rust: enough to keep its threads busy, few enough to free the results as we go. */
const CHUNK = 1024;
/** Rust tokenizers kept for different maximum lengths. */
const CUT_CACHE = 8;

/**
 * A tokenizer: Hugging Face's Rust library behind an interface without mutable state, so that concurrent
 * calls with different maximum lengths cannot disturb one another.
 *
 * @example
 * const tokenizer = await Tokenizer.fromFolder('bert-base-chinese');
 * const [row] = await tokenizer.encodeBatch([['今天天气好', '是的']], { maxLength: 128 });
 * row.ids; // Int32Array [101, 791, …, 102]
 */
export class Tokenizer {
  readonly #parts: TokenizerParts;
  readonly #native: NativeTokenizer;
  /** The truncation setting of a Rust tokenizer is shared by its queued tasks: one instance per length. */
  readonly #cut = new Map<number, NativeTokenizer>();
  readonly #added: { single?: Promise<number>; pair?: Promise<number> } = {};
  /** Cuts words out of texts first; null for the tokenizers that need none. */
  readonly #words: WordCutter | null;
  #size: number | undefined;

  private constructor(parts: TokenizerParts) {
    this.#parts = parts;
    this.#native = build(parts, null);
    this.#words = parts.words === null ? null : cutterOf(parts);
  }

  /**
   * Reads `tokenizer.json`, or else `vocab.txt`, with `tokenizer_config.json`, `special_tokens_map.json` and
   * `added_tokens.json` where they exist. WoBERT's and RoFormer's, which the tokenizer's class or the model's type tells,
   * cut words with jieba first. Throws DATA_TOKENIZER.
   */
  static async fromFolder(folder: string, options: LoadTokenizerOptions = {}): Promise<Tokenizer> {
    return new Tokenizer(await loadTokenizerFolder(folder, options));
  }

  /** A BERT tokenizer over `vocabulary`: the token at index i has id i; of words with `wordSegmenter`. */
  static fromVocab(vocabulary: readonly string[], options: BertTokenizerOptions = {}): Tokenizer {
    const ids = new Map(vocabulary.map((token, id) => [token, id]));
    const special = bertSpecialTokens(options);
    const missing = [special.unk, special.cls, special.sep].filter((token) => !ids.has(token));
    if (missing.length > 0) {
      throw new EasyNlpError('DATA_TOKENIZER', {
        file: 'vocabulary',
        reason: `it lacks the special tokens ${missing.join(' ')}`,
      });
    }
    const added = new Map<string, number>();
    for (const token of options.additionalSpecialTokens ?? []) {
      if (!ids.has(token) && !added.has(token)) added.set(token, vocabulary.length + added.size);
    }
    return new Tokenizer({
      origin: 'vocabulary',
      spec: bertSpec(ids, added, options),
      special,
      config: bertConfig(options),
      words:
        options.wordSegmenter === undefined
          ? null
          : { segmenter: options.wordSegmenter, userDictionary: options.userDictionary ?? [] },
    });
  }

  /** Encodes one text or pair in a Rust thread. Throws DATA_MAX_LENGTH. */
  async encode(text: string, pair?: string | null, options: EncodeOptions = {}): Promise<Encoding> {
    const native = await this.#for(options, pair != null);
    const row = this.#row(pair == null ? text : [text, pair]);
    const [first, second] = row.units;
    const raw = await native.encode(first, second ?? null, nativeOptions(options));
    return new Encoding(raw, row.texts, row.cuts);
  }

  /** Encodes many texts or pairs in Rust threads; results in the order of `rows`. Throws DATA_MAX_LENGTH. */
  async encodeBatch(rows: readonly TextInput[], options: EncodeOptions = {}): Promise<Encoding[]> {
    const results: Encoding[] = [];
    const paired = rows.some((row) => typeof row !== 'string');
    const native = await this.#for(options, paired);
    for (let from = 0; from < rows.length; from += CHUNK) {
      const chunk = rows.slice(from, from + CHUNK).map((row) => this.#row(row));
      const raw = await encodeChunk(
        native,
        chunk.map(({ units }) => units),
        options,
      );
      for (const [index, { texts, cuts }] of chunk.entries()) {
        results.push(new Encoding(raw[index]!, texts, cuts));
      }
    }
    return results;
  }

  /** Text of `ids`; the template's tokens are left out unless asked for. */
  async decode(ids: ArrayLike<number>, options: { skipSpecialTokens?: boolean } = {}): Promise<string> {
    return this.#native.decode(Array.from(ids), options.skipSpecialTokens ?? true);
  }

  tokenToId(token: string): number | null {
    return this.#native.tokenToId(token);
  }

  idToToken(id: number): string | null {
    return Number.isInteger(id) && id >= 0 && id <= 0xffffffff ? this.#native.idToToken(id) : null;
  }

  /** Rows that a model's embedding needs: the greatest id plus one. */
  get vocabSize(): number {
    if (this.#size === undefined) {
      let greatest = -1;
      for (const id of Object.values(this.#native.getVocab(true))) greatest = Math.max(greatest, id);
      this.#size = greatest + 1;
    }
    return this.#size;
  }

  /** All tokens by id; null where an id is not in use. */
  get vocabulary(): readonly (string | null)[] {
    this.#vocabulary ??= this.#readVocabulary();
    return this.#vocabulary;
  }

  #vocabulary: readonly (string | null)[] | undefined;

  #readVocabulary(): readonly (string | null)[] {
    const tokens = new Array<string | null>(this.vocabSize).fill(null);
    for (const [token, id] of Object.entries(this.#native.getVocab(true))) tokens[id] = token;
    return tokens;
  }

  /** The token of a role ('pad', 'mask'…), or null when this tokenizer has none. */
  specialToken(role: SpecialRole): string | null {
    return this.#parts.special[role] ?? null;
  }

  /**
   * What cuts texts into words before WordPiece sees them, with the digest of a user dictionary: 'jieba', 'jieba+1f0c…'.
   * Null for the tokenizers that do not.
   */
  get wordSegmenter(): string | null {
    return this.#words?.name ?? null;
  }

  /** Words that its segmenter knows beside its own. */
  get userDictionary(): readonly UserWord[] {
    return this.#parts.words?.userDictionary ?? [];
  }

  /** Id of `[PAD]`; this and its siblings throw DATA_TOKENIZER when the tokenizer has no such token. */
  get padId(): number {
    return this.#special('pad');
  }

  get unkId(): number {
    return this.#special('unk');
  }

  get clsId(): number {
    return this.#special('cls');
  }

  get sepId(): number {
    return this.#special('sep');
  }

  get maskId(): number {
    return this.#special('mask');
  }

  /**
   * Writes `tokenizer.json`, `tokenizer_config.json`, `special_tokens_map.json`, and for WordPiece also
   * `vocab.txt`, as Python's `transformers` reads them. The folder is created when it does not exist.
   */
  async save(folder: string): Promise<void> {
    await saveTokenizerFolder(folder, this.#parts);
  }

  /** A row as Rust gets it. */
  #row(row: TextInput): PreparedRow {
    const texts: PreparedRow['texts'] = typeof row === 'string' ? [row] : [row[0], row[1]];
    if (this.#words === null) return { texts, units: texts, cuts: null };
    const cuts = texts.map((text) => this.#words!.cut(text));
    return { texts, units: cuts.map(({ units }) => units) as [string] | [string, string], cuts };
  }

  #special(role: SpecialRole): number {
    const token = this.#parts.special[role];
    const id = token === undefined ? null : this.tokenToId(token);
    if (id === null) {
      throw new EasyNlpError('DATA_TOKENIZER', {
        file: this.#parts.origin,
        reason: `it has no ${role} token${token === undefined ? '' : ` ("${token}" is not in its vocabulary)`}`,
      });
    }
    return id;
  }

  async #for(options: EncodeOptions, paired: boolean): Promise<NativeTokenizer> {
    const { maxLength } = options;
    if (maxLength === undefined) return this.#native;
    // Rust's own limit arithmetic underflows below the number of added tokens: check here.
    const special = options.addSpecialTokens === false ? 0 : await this.#addedTokens(paired);
    if (!Number.isInteger(maxLength) || maxLength <= special) {
      throw new EasyNlpError('DATA_MAX_LENGTH', {
        got: maxLength,
        special,
        kind: paired ? 'a pair' : 'a text',
      });
    }
    let native = this.#cut.get(maxLength);
    if (native === undefined) {
      native = build(this.#parts, maxLength);
      if (this.#cut.size >= CUT_CACHE) this.#cut.delete(this.#cut.keys().next().value!);
    } else {
      this.#cut.delete(maxLength);
    }
    this.#cut.set(maxLength, native);
    return native;
  }

  #addedTokens(paired: boolean): Promise<number> {
    const count = async (pair: string | null) => (await this.#native.encode('', pair)).getLength();
    if (paired) {
      this.#added.pair ??= count('');
      return this.#added.pair;
    }
    this.#added.single ??= count(null);
    return this.#added.single;
  }
}

interface PreparedRow {
  readonly texts: readonly [string] | readonly [string, string];
  /** The same cut into words where the tokenizer does that. */
  readonly units: readonly [string] | readonly [string, string];
  readonly cuts: readonly CutText[] | null;
}

function nativeOptions(options: EncodeOptions): { addSpecialTokens: boolean } {
  return { addSpecialTokens: options.addSpecialTokens ?? true };
}

/** The library's batch call takes single texts only; pairs go as tasks of their own, which is as fast. */
function encodeChunk(
  native: NativeTokenizer,
  rows: readonly PreparedRow['units'][],
  options: EncodeOptions,
): Promise<NativeEncoding[]> {
  const settings = nativeOptions(options);
  if (rows.every((row) => row.length === 1)) {
    return native.encodeBatch(
      rows.map(([text]) => text),
      settings,
    );
  }
  return Promise.all(rows.map(([text, pair]) => native.encode(text, pair ?? null, settings)));
}

function build(parts: TokenizerParts, maxLength: number | null): NativeTokenizer {
  const truncation =
    maxLength === null
      ? null
      : { direction: 'Right', max_length: maxLength, strategy: 'LongestFirst', stride: 0 };
  // Units come normalized, with borders between.
  const cut =
    parts.words === null
      ? {}
      : { normalizer: null, pre_tokenizer: { type: 'CharDelimiterSplit', delimiter: UNIT_BORDER } };
  return fromSpec(parts.origin, { ...parts.spec, ...cut, truncation, padding: null });
}

/** Characters are left as they stand here: which of them stand alone is known after words were cut. */
function cutterOf({ origin, spec, words }: TokenizerParts): WordCutter {
  const normalizer = { ...(spec.normalizer as object | null) } as Record<string, unknown>;
  if ('handle_chinese_chars' in normalizer) normalizer.handle_chinese_chars = false;
  const native = fromSpec(origin, {
    ...spec,
    normalizer: spec.normalizer == null ? null : normalizer,
    truncation: null,
    padding: null,
  });
  const added = Array.isArray(spec.added_tokens) ? spec.added_tokens : [];
  return new WordCutter(native, words!, added);
}

function fromSpec(file: string, spec: Readonly<Record<string, unknown>>): NativeTokenizer {
  try {
    return NativeTokenizer.fromString(JSON.stringify(spec));
  } catch (error) {
    throw new EasyNlpError(
      'DATA_TOKENIZER',
      { file, reason: error instanceof Error ? error.message : String(error) },
      { cause: error },
    );
  }
}

function bertConfig(options: BertTokenizerOptions): Record<string, unknown> {
  return {
    do_lower_case: options.doLowerCase ?? true,
    tokenize_chinese_chars: options.tokenizeChineseChars ?? true,
    strip_accents: options.stripAccents ?? null,
    tokenizer_class: 'BertTokenizer',
    ...(options.wordSegmenter === undefined ? {} : wordConfig(options.wordSegmenter)),
    ...(options.modelMaxLength === undefined ? {} : { model_max_length: options.modelMaxLength }),
    ...(options.additionalSpecialTokens === undefined
      ? {}
      : { additional_special_tokens: [...options.additionalSpecialTokens] }),
  };
}
