import type { WeightRules } from '../load-weights.js';
import { prefixedWeightName } from '../shared/weight-names.js';
import type { DebertaV2Config } from './config.js';
import { initDebertaV2Weights } from './model.js';

export const debertaV2Weights = (config: DebertaV2Config): WeightRules => ({
  nameOf: prefixedWeightName('deberta'),
  isHead: (name) => /^(?:pooler|cls|lm_predictions|classifier|qa_outputs)\./.test(name),
  init: (root, only) => initDebertaV2Weights(root, config, only),
});
