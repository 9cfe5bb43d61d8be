import { initBertWeights } from '../bert/model.js';
import type { WeightRules } from '../load-weights.js';
import { prefixedWeightName } from '../shared/weight-names.js';
import type { ElectraConfig } from './config.js';

export const electraWeights = (config: ElectraConfig): WeightRules => ({
  nameOf: prefixedWeightName('electra'),
  isHead: (name) => /^(?:generator_predictions|generator_lm_head|classifier|qa_outputs)\./.test(name),
  init: (root, only) => initBertWeights(root, config, only),
});
