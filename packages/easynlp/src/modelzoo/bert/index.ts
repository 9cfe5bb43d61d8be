export {
  BERT_ACTIVATIONS,
  type BertConfig,
  type BertConfigInput,
  type BertPreset,
  bertConfig,
  bertConfigSchema,
  bertPreset,
} from './config.js';
export {
  BertForMaskedLM,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
} from './heads.js';
export { BertModel, type BertModelOptions, initBertWeights } from './model.js';
