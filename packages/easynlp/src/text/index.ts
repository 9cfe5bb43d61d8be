export type { BertTokenizerOptions, SpecialRole, SpecialTokens } from './bert-spec.js';
export { BERT_SPECIAL_TOKENS, type BuildVocabOptions, buildVocab } from './build-vocab.js';
export { Encoding, type Offset } from './encoding.js';
export type { LoadTokenizerOptions } from './load-folder.js';
export { codePointBoundaries, trimmedRange } from './offsets.js';
export { type EncodeOptions, type TextInput, Tokenizer } from './tokenizer.js';
export { joinUserWords, type UserWord } from './user-word.js';
export { isOfWords, type WordSegmenter } from './word-settings.js';
