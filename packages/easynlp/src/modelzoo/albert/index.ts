import { architecture } from '../architecture.js';
import { type AlbertConfig, albertConfigSchema } from './config.js';
import {
  AlbertForMaskedLM,
  AlbertForQuestionAnswering,
  AlbertForSequenceClassification,
  AlbertForTokenClassification,
} from './heads.js';
import { AlbertModel } from './model.js';
import { albertWeights } from './weights.js';

export { type AlbertConfig, type AlbertConfigInput, albertConfig, albertConfigSchema } from './config.js';
export {
  AlbertForMaskedLM,
  AlbertForQuestionAnswering,
  AlbertForSequenceClassification,
  AlbertForTokenClassification,
} from './heads.js';
export { AlbertModel } from './model.js';

export const albertArchitecture = architecture<AlbertConfig>({
  modelType: 'albert',
  title: 'ALBERT',
  paper: 'Lan et al. 2020, arXiv 1909.11942',
  about: { en: 'small embeddings, layers that share their weights', zh: '低维词向量，层间共享参数' },
  schema: albertConfigSchema,
  models: {
    encoder: AlbertModel,
    sequenceClassification: AlbertForSequenceClassification,
    tokenClassification: AlbertForTokenClassification,
    questionAnswering: AlbertForQuestionAnswering,
    maskedLm: AlbertForMaskedLM,
  },
  weights: albertWeights,
});
