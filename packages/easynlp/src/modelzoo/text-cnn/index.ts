export { type TextCnnConfig, type TextCnnConfigInput, textCnnConfig, textCnnConfigSchema } from './config.js';
export { initTextCnnWeights, TextCnnForSequenceClassification } from './model.js';
