import { defineErrors, EXIT } from './define.js';

const hint = (d: { readonly hint?: unknown }): string => (d.hint === undefined ? '' : String(d.hint));

/** Errors of prompts: patterns, label words, and what few rows cannot give. */
export const FEWSHOT_ERRORS = defineErrors({
  PROMPT_PATTERN: {
    exitCode: EXIT.usage,
    httpStatus: 422,
    message: (d) =>
      d.column === undefined
        ? `The pattern ${JSON.stringify(d.pattern)}: ${d.problem}.`
        : `The pattern ${JSON.stringify(d.pattern)}, character ${d.column}: ${d.problem}.`,
    hint,
  },
  PROMPT_LABEL_WORDS: {
    exitCode: EXIT.usage,
    httpStatus: 422,
    message: (d) => `The label words${d.file === undefined ? '' : ` of ${d.file}`}: ${d.problem}.`,
    hint,
  },
  PROMPT_TOO_LONG: {
    exitCode: EXIT.usage,
    httpStatus: 422,
    message: (d) =>
      `The prompt alone takes ${d.prompt} of the ${d.sequenceLength} tokens of an input; nothing is left for the ${d.columns} of the pattern.`,
    hint: () => 'Raise --sequence-length, or shorten the pattern.',
  },
  FEWSHOT_ROWS: {
    exitCode: EXIT.data,
    httpStatus: 422,
    message: (d) => `${d.file}: ${d.problem}.`,
    hint,
  },
});
