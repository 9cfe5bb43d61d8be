import { initBertWeights } from '../bert/model.js';
import type { WeightRules } from '../load-weights.js';
import { prefixedWeightName } from '../shared/weight-names.js';
import type { RoFormerConfig } from './config.js';

export const roformerWeights = (config: RoFormerConfig): WeightRules => ({
  nameOf: prefixedWeightName('roformer'),
  isHead: (name) => /^(?:cls|classifier|qa_outputs)\./.test(name),
  init: (root, only) => initBertWeights(root, config, only),
});
