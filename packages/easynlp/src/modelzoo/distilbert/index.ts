import { architecture } from '../architecture.js';
import { type DistilBertConfig, distilbertConfigSchema } from './config.js';
import {
  DistilBertForMaskedLM,
  DistilBertForQuestionAnswering,
  DistilBertForSequenceClassification,
  DistilBertForTokenClassification,
} from './heads.js';
import { DistilBertModel } from './model.js';
import { distilbertWeights } from './weights.js';

export {
  type DistilBertConfig,
  type DistilBertConfigInput,
  distilbertConfig,
  distilbertConfigSchema,
} from './config.js';
export {
  DistilBertForMaskedLM,
  DistilBertForQuestionAnswering,
  DistilBertForSequenceClassification,
  DistilBertForTokenClassification,
} from './heads.js';
export { DistilBertModel } from './model.js';

export const distilbertArchitecture = architecture<DistilBertConfig>({
  modelType: 'distilbert',
  title: 'DistilBERT',
  paper: 'Sanh et al. 2019, arXiv 1910.01108',
  about: { en: 'half the layers, no segments, no pooler', zh: '层数减半，无段嵌入与池化层' },
  schema: distilbertConfigSchema,
  models: {
    encoder: DistilBertModel,
    sequenceClassification: DistilBertForSequenceClassification,
    tokenClassification: DistilBertForTokenClassification,
    questionAnswering: DistilBertForQuestionAnswering,
    maskedLm: DistilBertForMaskedLM,
  },
  weights: distilbertWeights,
});
