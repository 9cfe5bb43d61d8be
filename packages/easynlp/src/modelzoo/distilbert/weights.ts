import { initBertWeights } from '../bert/model.js';
import type { WeightRules } from '../load-weights.js';
import { prefixedWeightName } from '../shared/weight-names.js';
import type { DistilBertConfig } from './config.js';

export const distilbertWeights = (config: DistilBertConfig): WeightRules => ({
  nameOf: prefixedWeightName('distilbert'),
  isHead: (name) => /^(?:vocab_\w+|pre_classifier|classifier|qa_outputs)\./.test(name),
  init: (root, only) => initBertWeights(root, config, only),
});
