import { defineErrors, EXIT } from './define.js';

const suggestion = (value: unknown) => (value ? ` Did you mean "${String(value)}"?` : '');

export const APP_ERRORS = defineErrors({
  APP_UNKNOWN: {
    exitCode: EXIT.usage,
    httpStatus: 404,
    message: (d) => `There is no task "${d.name}".${suggestion(d.suggestion)}`,
    hint: (d) => `Tasks: ${(d.known as string[]).join(', ')}.`,
  },
  METHOD_UNKNOWN: {
    exitCode: EXIT.usage,
    httpStatus: 404,
    message: (d) => `${d.app} has no training method "${d.name}".${suggestion(d.suggestion)}`,
    hint: (d) => `Methods: ${(d.known as string[]).join(', ')}.`,
  },
  APP_INPUT: {
    exitCode: EXIT.data,
    httpStatus: 422,
    message: (d) => `Input ${d.index}: expected ${d.expected}, got ${d.got}.`,
  },
  APP_MISMATCH: {
    exitCode: EXIT.usage,
    httpStatus: 409,
    message: (d) => `The model in ${d.folder} was trained for ${d.trained}, not for ${d.wanted}.`,
    hint: (d) => `Use the task ${d.trained}, or another model.`,
  },
  PIPELINE_DISPOSED: {
    exitCode: EXIT.unexpected,
    httpStatus: 500,
    message: (d) => `The pipeline for ${d.folder} was disposed and cannot be used any more.`,
    hint: () => 'Open it again with pipeline().',
  },
  EXTRACTION_SCHEME: {
    exitCode: EXIT.usage,
    httpStatus: 422,
    message: (d) =>
      d.scheme
        ? `The scheme "${String(d.scheme)}" cannot be used: ${d.reason}.`
        : `It is not known what to look for: ${d.reason}.`,
    hint: () =>
      'Expected types, "人物;地点", or events with the roles of their arguments, "比赛:冠军,亚军;会议:地点".',
  },
  ARTEFACT_INVALID: {
    exitCode: EXIT.model,
    httpStatus: 500,
    message: (d) => `${d.folder} holds no model that can be used: ${d.reason}.`,
    hint: (d) => (d.hint as string | undefined) ?? 'Expected a folder that "easynlp train" wrote.',
  },
});
