import { initBertWeights } from '../bert/model.js';
import type { WeightRules } from '../load-weights.js';
import { prefixedWeightName } from '../shared/weight-names.js';
import type { MegatronBertConfig } from './config.js';

export const megatronBertWeights = (config: MegatronBertConfig): WeightRules => ({
  nameOf: prefixedWeightName('bert'),
  isHead: (name) => /^(?:(?:bert\.)?pooler|cls|classifier|qa_outputs)\./.test(name),
  init: (root, only) => initBertWeights(root, config, only),
});
