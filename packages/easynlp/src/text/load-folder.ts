import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EasyNlpError } from '../errors/index.js';
import {
  type BertTokenizerOptions,
  bertSpec,
  bertSpecialTokens,
  SPECIAL_ROLES,
  type SpecialTokens,
} from './bert-spec.js';
import { readMerges, robertaSpec } from './byte-level-bpe.js';
import { joinUserWords, type UserWord } from './user-word.js';
import { parseUserWords, USER_DICTIONARY, type WordSettings, wordSegmenterOf } from './word-settings.js';

/** What a tokenizer consists of, independent of where it came from. */
export interface TokenizerParts {
  /** Folder or description, for messages. */
  readonly origin: string;
  /** The content of `tokenizer.json`. */
  readonly spec: Readonly<Record<string, unknown>>;
  readonly special: SpecialTokens;
  /** The content of `tokenizer_config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** How words are cut before the model sees them; null where they are not. */
  readonly words: WordSettings | null;
}

export interface LoadTokenizerOptions {
  /** Words beside those of the folder, for the segmenter of a tokenizer of words; others have no use for them. */
  readonly userDictionary?: readonly UserWord[];
}

type Json = Record<string, unknown>;

/** Contents that stand for a role when no configuration names it. */
const USUAL: Record<keyof SpecialTokens, readonly string[]> = {
  unk: ['[UNK]', '<unk>', '<|endoftext|>'],
  sep: ['[SEP]', '</s>', '<|endoftext|>'],
  pad: ['[PAD]', '<pad>'],
  cls: ['[CLS]', '<s>'],
  mask: ['[MASK]', '<mask>'],
};

/** Reads a tokenizer folder in the Hugging Face layout; throws DATA_TOKENIZER. */
export async function loadTokenizerFolder(
  folder: string,
  options: LoadTokenizerOptions = {},
): Promise<TokenizerParts> {
  const entry = await stat(folder).catch(() => null);
  if (entry === null || !entry.isDirectory()) throw unusable(folder, 'there is no such folder');
  const config = (await readJson(folder, 'tokenizer_config.json')) ?? {};
  const map = (await readJson(folder, 'special_tokens_map.json')) ?? {};
  const parts = await loadParts(folder, config, map);
  return { ...parts, words: await wordsOf(folder, config, parts.spec, options) };
}

type Unsegmented = Omit<TokenizerParts, 'words'>;

async function loadParts(folder: string, config: Json, map: Json): Promise<Unsegmented> {
  const spec = await readJson(folder, 'tokenizer.json');
  if (spec !== null)
    return { origin: folder, spec, config, special: namedTokens(config, map, tokensOf(spec)) };
  const vocabulary = await readJson(folder, 'vocab.json');
  const merges = await read(folder, 'merges.txt');
  if (vocabulary !== null && merges !== null) return fromMerges(folder, vocabulary, merges, config, map);
  const text = await read(folder, 'vocab.txt');
  if (text === null) throw unusable(folder, await lacking(folder));
  return fromVocabText(folder, text, config, map, await readJson(folder, 'added_tokens.json'));
}

/** What `config` and the model beside it say of words; with the folder's own user dictionary. */
async function wordsOf(
  folder: string,
  config: Json,
  spec: Json,
  options: LoadTokenizerOptions,
): Promise<WordSettings | null> {
  const { type, vocab } = (spec.model ?? {}) as { type?: unknown; vocab?: object };
  // A model whose configuration is unreadable is refused elsewhere.
  const model = (await readJson(folder, 'config.json').catch(() => null)) ?? {};
  const segmenter = wordSegmenterOf(folder, config, model, () => Object.keys(vocab ?? {}));
  if (segmenter === null) return null;
  if (type !== 'WordPiece') {
    if (config.word_segmenter === undefined) return null;
    throw unusable(folder, `word_segmenter needs a WordPiece vocabulary, and this one is ${String(type)}`);
  }
  const text = await read(folder, USER_DICTIONARY);
  const own = text === null ? [] : parseUserWords(text, join(folder, USER_DICTIONARY));
  return { segmenter, userDictionary: joinUserWords(own, options.userDictionary ?? []) };
}

function fromVocabText(
  folder: string,
  text: string,
  config: Json,
  map: Json,
  added: Json | null,
): Unsegmented {
  const lines = text.split(/\r\n|\n|\r/);
  if (lines.at(-1) === '') lines.pop();
  if (lines.length === 0) throw unusable(folder, 'vocab.txt is empty');
  // As in transformers, the last of two equal lines counts.
  const ids = new Map(lines.map((token, id) => [token, id]));
  const special = namedTokens(config, map, ids);
  const decoder = Object.entries((config.added_tokens_decoder ?? {}) as Json).flatMap(([id, token]) => {
    const content = contentOf(token);
    return content === undefined
      ? []
      : [{ id: Number(id), content, special: (token as Json).special === true }];
  });
  const options: BertTokenizerOptions = {
    doLowerCase: flag(config.do_lower_case) ?? true,
    tokenizeChineseChars: flag(config.tokenize_chinese_chars) ?? true,
    stripAccents: flag(config.strip_accents) ?? null,
    ...(special.unk === undefined ? {} : { unkToken: special.unk }),
    ...(special.sep === undefined ? {} : { sepToken: special.sep }),
    ...(special.pad === undefined ? {} : { padToken: special.pad }),
    ...(special.cls === undefined ? {} : { clsToken: special.cls }),
    ...(special.mask === undefined ? {} : { maskToken: special.mask }),
    additionalSpecialTokens: [
      ...contents(config.additional_special_tokens ?? map.additional_special_tokens),
      ...decoder.filter(({ special }) => special).map(({ content }) => content),
    ],
  };
  const tokens = bertSpecialTokens(options);
  const missing = [tokens.unk, tokens.cls, tokens.sep].filter((token) => !ids.has(token));
  if (missing.length > 0) throw unusable(folder, `vocab.txt lacks the special tokens ${missing.join(' ')}`);
  const extra = new Map<string, number>();
  for (const [token, id] of Object.entries(added ?? {})) {
    if (typeof id === 'number' && !ids.has(token)) extra.set(token, id);
  }
  for (const { id, content } of decoder) if (!ids.has(content)) extra.set(content, id);
  return {
    origin: folder,
    spec: bertSpec(ids, extra, options),
    config: { tokenizer_class: 'BertTokenizer', ...config },
    special: tokens,
  };
}

/** Why nothing can be made of a folder; a SentencePiece model alone is worth a word of its own. */
async function lacking(folder: string): Promise<string> {
  const pieces = (await readdir(folder)).filter((name) =>
    /^(?:sp|spiece|sentencepiece.*|tokenizer)m?\.model$/.test(name),
  );
  const only =
    pieces.length === 0 ? '' : `; ${pieces[0]} is a SentencePiece model, of which transformers makes a`;
  return `it has neither tokenizer.json nor vocab.txt, nor vocab.json with merges.txt${only}${only && ' tokenizer.json (AutoTokenizer.from_pretrained, save_pretrained)'}`;
}

/** RoBERTa's files: byte-level BPE. */
function fromMerges(folder: string, vocab: Json, text: string, config: Json, map: Json): Unsegmented {
  const ids = new Map<string, number>();
  for (const [token, id] of Object.entries(vocab)) {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0) {
      throw unusable(join(folder, 'vocab.json'), `the token ${JSON.stringify(token)} has no number`);
    }
    ids.set(token, id);
  }
  const merges = readMerges(text);
  if (typeof merges === 'number') {
    throw unusable(
      join(folder, 'merges.txt'),
      `line ${merges} does not hold two tokens with a blank between`,
    );
  }
  const special = namedTokens(config, map, ids);
  const missing = SPECIAL_ROLES.filter((role) => special[role] === undefined || !ids.has(special[role]));
  if (missing.length > 0) throw unusable(folder, `vocab.json lacks a token for: ${missing.join(', ')}`);
  return {
    origin: folder,
    spec: robertaSpec(ids, merges, special as Required<SpecialTokens>, {
      addPrefixSpace: flag(config.add_prefix_space) ?? false,
    }),
    config: { tokenizer_class: 'RobertaTokenizer', ...config },
    special,
  };
}

function namedTokens(config: Json, map: Json, known: { has(token: string): boolean }): SpecialTokens {
  const special: SpecialTokens = {};
  for (const role of SPECIAL_ROLES) {
    const name = `${role}_token`;
    const token =
      contentOf(config[name]) ?? contentOf(map[name]) ?? USUAL[role].find((usual) => known.has(usual));
    if (token !== undefined) special[role] = token;
  }
  return special;
}

/** Tokens of a tokenizer.json: the model's vocabulary (an object, or pairs for Unigram) and the added ones. */
function tokensOf(spec: Json): Set<string> {
  const tokens = new Set<string>();
  const vocab = (spec.model as Json | undefined)?.vocab;
  if (Array.isArray(vocab))
    for (const entry of vocab) tokens.add(String(Array.isArray(entry) ? entry[0] : entry));
  else if (typeof vocab === 'object' && vocab !== null)
    for (const token of Object.keys(vocab)) tokens.add(token);
  for (const token of contents(spec.added_tokens)) tokens.add(token);
  return tokens;
}

/** Special tokens are written as strings or as `{ "content": … }`. */
function contentOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  const content = (value as { content?: unknown } | null | undefined)?.content;
  return typeof content === 'string' ? content : undefined;
}

function contents(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  return value.map(contentOf).filter((token) => token !== undefined);
}

function flag(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}

async function read(folder: string, name: string): Promise<string | null> {
  try {
    return await readFile(join(folder, name), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new EasyNlpError(
      'DATA_TOKENIZER',
      { file: join(folder, name), reason: (error as Error).message },
      { cause: error },
    );
  }
}

async function readJson(folder: string, name: string): Promise<Json | null> {
  const text = await read(folder, name);
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new Error('expected an object');
    return value as Json;
  } catch (error) {
    throw unusable(join(folder, name), `not valid JSON: ${(error as Error).message}`);
  }
}

function unusable(file: string, reason: string): EasyNlpError {
  return new EasyNlpError('DATA_TOKENIZER', { file, reason });
}
