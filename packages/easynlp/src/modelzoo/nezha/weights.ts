import { initBertWeights } from '../bert/model.js';
import type { WeightRules } from '../load-weights.js';
import { prefixedWeightName } from '../shared/weight-names.js';
import type { NezhaConfig } from './config.js';

export const nezhaWeights = (config: NezhaConfig): WeightRules => ({
  nameOf: prefixedWeightName('nezha'),
  isHead: (name) => /^(?:(?:nezha\.)?pooler|cls|classifier|qa_outputs)\./.test(name),
  init: (root, only) => initBertWeights(root, config, only),
});
