import { initBertWeights } from '../bert/model.js';
import type { WeightRules } from '../load-weights.js';
import { prefixedWeightName } from '../shared/weight-names.js';
import type { AlbertConfig } from './config.js';

export const albertWeights = (config: AlbertConfig): WeightRules => ({
  nameOf: prefixedWeightName('albert'),
  isHead: (name) => /^(?:(?:albert\.)?pooler|predictions|classifier|qa_outputs)\./.test(name),
  init: (root, only) => initBertWeights(root, config, only),
});
