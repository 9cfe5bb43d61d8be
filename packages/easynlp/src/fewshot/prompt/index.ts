export { PromptEncoder, type PromptEncoderOptions, type PromptSequence, TOKEN_KIND } from './encoder.js';
export {
  type LabelWords,
  mappedWords,
  readLabelWords,
  tokenizeWords,
  type WordTokens,
} from './label-words.js';
export { labelWordFields, type PromptConfig, patternFields } from './options.js';
export { type ParsePatternOptions, type PromptPattern, type PromptPiece, parsePattern } from './pattern.js';
export { labelScores, PromptModel } from './prompt-model.js';
export {
  collatePrompted,
  encodePrompted,
  type PreparedPrompt,
  type PromptedRow,
  promptOf,
} from './rows.js';
export {
  type PromptSpec,
  type PromptTask,
  preparePrompt,
  promptColumns,
  promptInputs,
  promptText,
} from './task.js';
export { longestFirst } from './truncate.js';
