export { type PTuningSpec, ptuning, ptuningFields } from './p-tuning.js';
export { PTuningModel, wordEmbeddings } from './p-tuning-model.js';
export { type PromptEncoding, PromptVectors } from './prompt-vectors.js';
