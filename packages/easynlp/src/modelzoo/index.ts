export * from './albert/index.js';
export {
  ARCHITECTURES,
  type Architecture,
  findArchitecture,
  longestText,
  type ModelKind,
} from './architectures.js';
export {
  AutoModel,
  type AutoModelClass,
  AutoModelForMaskedLM,
  AutoModelForQuestionAnswering,
  AutoModelForSequenceClassification,
  AutoModelForTokenClassification,
  type FromConfigOptions,
  type FromPretrainedOptions,
  type LabelOptions,
} from './auto.js';
export { AutoConfig } from './auto-config.js';
export * from './bert/index.js';
export * from './deberta-v2/index.js';
export * from './distilbert/index.js';
export * from './electra/index.js';
export * from './ernie/index.js';
export * from './hub/index.js';
export type {
  ClassifierLogits,
  ClassifierOutput,
  Encoder,
  EncoderInputs,
  EncoderOptions,
  EncoderOutput,
  EncoderTraces,
  MaskedLanguageModel,
  MaskedLmOptions,
  SequenceClassifier,
  TokenClassifier,
} from './interfaces.js';
export * from './megatron-bert/index.js';
export { describeModel, listModels, type ModelFolderInfo, type ModelInfo } from './model-catalogue.js';
export { labelNames, type ModelConfig, numLabels, withLabels } from './model-config.js';
export * from './nezha/index.js';
export * from './roberta/index.js';
export * from './roformer/index.js';
export { type SavePretrainedOptions, savePretrained } from './save-pretrained.js';
export * from './text-cnn/index.js';
