import { initBertWeights } from '../bert/model.js';
import type { WeightRules } from '../load-weights.js';
import { prefixedWeightName } from '../shared/weight-names.js';
import type { RobertaConfig } from './config.js';

export const robertaWeights = (config: RobertaConfig): WeightRules => ({
  nameOf: prefixedWeightName('roberta'),
  isHead: (name) => /^(?:(?:roberta\.)?pooler|lm_head|classifier|qa_outputs)\./.test(name),
  init: (root, only) => initBertWeights(root, config, only),
});
