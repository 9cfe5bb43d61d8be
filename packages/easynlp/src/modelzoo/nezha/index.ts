import { architecture } from '../architecture.js';
import { type NezhaConfig, nezhaConfigSchema, nezhaPositions } from './config.js';
import {
  NezhaForMaskedLM,
  NezhaForQuestionAnswering,
  NezhaForSequenceClassification,
  NezhaForTokenClassification,
} from './heads.js';
import { NezhaModel } from './model.js';
import { nezhaWeights } from './weights.js';

export { type NezhaConfig, type NezhaConfigInput, nezhaConfig, nezhaConfigSchema } from './config.js';
export {
  NezhaForMaskedLM,
  NezhaForQuestionAnswering,
  NezhaForSequenceClassification,
  NezhaForTokenClassification,
} from './heads.js';
export { NezhaModel } from './model.js';

export const nezhaArchitecture = architecture<NezhaConfig>({
  modelType: 'nezha',
  title: 'NEZHA',
  paper: 'Wei et al. 2019, arXiv 1909.00204',
  about: { en: 'functional relative positions', zh: '函数式相对位置编码' },
  schema: nezhaConfigSchema,
  models: {
    encoder: NezhaModel,
    sequenceClassification: NezhaForSequenceClassification,
    tokenClassification: NezhaForTokenClassification,
    questionAnswering: NezhaForQuestionAnswering,
    maskedLm: NezhaForMaskedLM,
  },
  weights: nezhaWeights,
  positions: nezhaPositions,
});
