export {
  type LabelThresholds,
  labelThresholds,
  renderThresholds,
  type ThresholdPoint,
} from './decision-thresholds.js';
export {
  embeddingKeywords,
  type Keyword,
  type KeywordOptions,
  textRankKeywords,
  tfIdfKeywords,
} from './keywords.js';
export { applyRules, LabelDictionary, type LabelHit, type LabelRule } from './label-dictionary.js';
export { STOP_WORDS } from './stop-words.js';
