import { initBertWeights } from '../bert/model.js';
import type { WeightRules } from '../load-weights.js';
import { prefixedWeightName } from '../shared/weight-names.js';
import type { ErnieConfig } from './config.js';

export const ernieWeights = (config: ErnieConfig): WeightRules => ({
  nameOf: prefixedWeightName('ernie'),
  isHead: (name) => /^(?:(?:ernie\.)?pooler|cls|classifier|qa_outputs)\./.test(name),
  init: (root, only) => initBertWeights(root, config, only),
});
