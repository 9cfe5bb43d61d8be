export { type ClozeApp, clozeApp, languageModel } from './cloze-app.js';
export { labelWordLoss, vocabularyLoss } from './cloze-loss.js';
export { ClozeModel } from './cloze-model.js';
export { clozeObjective } from './objective.js';
export { clozeFields, type PetConfig, petOptions, unlabelledFields } from './options.js';
export { pet } from './pet.js';
