import { architecture } from '../architecture.js';
import { type MegatronBertConfig, megatronBertConfigSchema } from './config.js';
import {
  MegatronBertForMaskedLM,
  MegatronBertForQuestionAnswering,
  MegatronBertForSequenceClassification,
  MegatronBertForTokenClassification,
} from './heads.js';
import { MegatronBertModel } from './model.js';
import { megatronBertWeights } from './weights.js';

export {
  type MegatronBertConfig,
  type MegatronBertConfigInput,
  megatronBertConfig,
  megatronBertConfigSchema,
} from './config.js';
export {
  MegatronBertForMaskedLM,
  MegatronBertForQuestionAnswering,
  MegatronBertForSequenceClassification,
  MegatronBertForTokenClassification,
} from './heads.js';
export { MegatronBertModel } from './model.js';

export const megatronBertArchitecture = architecture<MegatronBertConfig>({
  modelType: 'megatron-bert',
  title: 'Megatron-BERT',
  paper: 'Shoeybi et al. 2019, arXiv 1909.08053',
  about: { en: 'LayerNorm before each half of a layer; Erlangshen 1.3B', zh: '层归一化前置；二郎神 1.3B' },
  schema: megatronBertConfigSchema,
  models: {
    encoder: MegatronBertModel,
    sequenceClassification: MegatronBertForSequenceClassification,
    tokenClassification: MegatronBertForTokenClassification,
    questionAnswering: MegatronBertForQuestionAnswering,
    maskedLm: MegatronBertForMaskedLM,
  },
  weights: megatronBertWeights,
});
