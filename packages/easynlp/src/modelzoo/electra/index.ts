import { architecture } from '../architecture.js';
import { type ElectraConfig, electraConfigSchema } from './config.js';
import {
  ElectraForMaskedLM,
  ElectraForQuestionAnswering,
  ElectraForSequenceClassification,
  ElectraForTokenClassification,
} from './heads.js';
import { ElectraModel } from './model.js';
import { electraWeights } from './weights.js';

export { type ElectraConfig, type ElectraConfigInput, electraConfig, electraConfigSchema } from './config.js';
export {
  ElectraForMaskedLM,
  ElectraForPreTraining,
  ElectraForQuestionAnswering,
  ElectraForSequenceClassification,
  ElectraForTokenClassification,
} from './heads.js';
export { ElectraModel } from './model.js';

export const electraArchitecture = architecture<ElectraConfig>({
  modelType: 'electra',
  title: 'ELECTRA',
  paper: 'Clark et al. 2020, arXiv 2003.10555',
  about: {
    en: 'trained to tell replaced tokens; small embeddings with a projection',
    zh: '以识别被替换的词预训练；低维词向量加投影',
  },
  schema: electraConfigSchema,
  models: {
    encoder: ElectraModel,
    sequenceClassification: ElectraForSequenceClassification,
    tokenClassification: ElectraForTokenClassification,
    questionAnswering: ElectraForQuestionAnswering,
    maskedLm: ElectraForMaskedLM,
  },
  weights: electraWeights,
});
