export type { UserWord } from '../../text/user-word.js';
export {
  type BuildTokenCacheOptions,
  buildTokenCache,
  isHeldOut,
  vocabularyHash,
} from './build-token-cache.js';
export { cacheOutdated } from './cache-outdated.js';
export {
  type CorpusDocument,
  detectLayout,
  LONGEST_DOCUMENT,
  readDocuments,
} from './documents.js';
export { type PackedSource, type PackingOptions, SequencePacker, sequentialWindows } from './packing.js';
export { mix32, Permutation } from './permutation.js';
export {
  type JiebaOptions,
  jiebaIdf,
  jiebaKnows,
  jiebaSegmenter,
  jiebaTagger,
  markWordStarts,
  type Segmenter,
  type TaggedWord,
} from './segmenter.js';
export { parseWeightRecipe, sourceWeights, type WeightRecipe } from './source-weights.js';
export {
  type CorpusSource,
  DOCUMENT_LAYOUTS,
  type DocumentLayout,
  findSources,
  sourceName,
} from './sources.js';
export { type OpenTokenCacheOptions, TokenCache } from './token-cache.js';
export {
  type SourceHeader,
  type SourceRange,
  SPLITS,
  type Split,
  type SplitHeader,
  type TokenCacheHeader,
} from './token-format.js';
export { readUserDictionary } from './user-dictionary.js';
