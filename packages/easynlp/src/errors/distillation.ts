import { defineErrors, EXIT } from './define.js';

/** Errors of distillation: teachers and what they say. */
export const DISTILLATION_ERRORS = defineErrors({
  DISTILL_LOGITS: {
    exitCode: EXIT.data,
    httpStatus: 422,
    message: (d) => `${d.file}${d.line === undefined ? '' : `, line ${d.line}`}: ${d.reason}.`,
    hint: (d) =>
      (d.hint as string | undefined) ??
      'A file of logits has one line for each row of the training data, in the same order and without a header: comma-separated numbers, one a label, as "easynlp predict --output-schema logits" writes them.',
  },
  DISTILL_TEACHER: {
    exitCode: EXIT.usage,
    httpStatus: 422,
    message: (d) => `The model in ${d.folder} cannot teach this student: ${d.reason}.`,
    hint: (d) => (d.hint as string | undefined) ?? 'Choose another teacher.',
  },
});
