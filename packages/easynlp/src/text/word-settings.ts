import { EasyNlpError } from '../errors/index.js';
import { parseUserWord, type UserWord } from './user-word.js';

/** Cuts texts into words before WordPiece sees them. */
export type WordSegmenter = 'jieba';

/** How a tokenizer of words cuts them. */
export interface WordSettings {
  readonly segmenter: WordSegmenter;
  /** Words that jieba's own dictionary lacks or cuts apart. */
  readonly userDictionary: readonly UserWord[];
}

/** File of a tokenizer's folder with words for its segmenter, a word a line. */
export const USER_DICTIONARY = 'user_dict.txt';

type Json = Readonly<Record<string, unknown>>;

/** Classes of Python's tokenizers of words. */
const CLASSES = /^(?:WoBert|RoFormer)Tokenizer(?:Fast)?$/;

/** Words of several Chinese characters that a vocabulary of words has at least. */
const MANY_WORDS = 1000;
const SEVERAL_CHARACTERS = /^\p{Script=Han}{2,}$/u;

/**
 * What cuts the words of a tokenizer, null where nothing does. In this order: `word_segmenter` of
 * tokenizer_config.json, its `tokenizer_class` (or that of config.json), the model's type, and where no class is named
 * the vocabulary.
 */
export function wordSegmenterOf(
  folder: string,
  config: Json,
  model: Json,
  vocabulary: () => Iterable<string>,
): WordSegmenter | null {
  const { word_segmenter: own } = config;
  if (own === null || own === 'jieba') return own;
  if (own !== undefined) {
    const reason = `word_segmenter of tokenizer_config.json is ${JSON.stringify(own)}, expected "jieba" or null`;
    throw new EasyNlpError('DATA_TOKENIZER', { file: folder, reason });
  }
  const name = config.tokenizer_class ?? model.tokenizer_class;
  if (typeof name === 'string') return CLASSES.test(name) ? 'jieba' : null;
  return model.model_type === 'roformer' || isOfWords(vocabulary()) ? 'jieba' : null;
}

/** Whether a vocabulary is one of Chinese words, which characters alone would never use. */
export function isOfWords(vocabulary: Iterable<string>): boolean {
  let words = 0;
  for (const token of vocabulary) {
    if (SEVERAL_CHARACTERS.test(token) && ++words >= MANY_WORDS) return true;
  }
  return false;
}

/** What tokenizer_config.json says of a tokenizer of words; Python's `transformers` has RoFormer's class, not WoBERT's. */
export function wordConfig(segmenter: WordSegmenter): Json {
  return { tokenizer_class: 'RoFormerTokenizer', word_segmenter: segmenter };
}

/** Words of a folder's user dictionary. Throws DATA_TOKENIZER naming the line. */
export function parseUserWords(text: string, file: string): UserWord[] {
  return text.split(/\r\n|\n|\r/).flatMap((line, i) => {
    const word = parseUserWord(line);
    if (typeof word !== 'string') return word === null ? [] : [word];
    throw new EasyNlpError('DATA_TOKENIZER', { file, reason: `line ${i + 1}: ${word}` });
  });
}
