import { APP_ERRORS } from './app.js';
import { CONFIG_ERRORS } from './config.js';
import { DATA_ERRORS } from './data.js';
import type { ErrorDetails, ErrorSpec } from './define.js';
import { DISTILLATION_ERRORS } from './distillation.js';
import { FEWSHOT_ERRORS } from './fewshot.js';
import { HUB_ERRORS } from './hub.js';
import { MODEL_ERRORS } from './model.js';
import { TRAIN_ERRORS } from './train.js';

export { type ErrorDetails, type ErrorSpec, EXIT } from './define.js';

/** Every error that the toolkit raises on purpose: the CLI, the HTTP server and the docs all read this table. */
export const ERRORS = {
  ...CONFIG_ERRORS,
  ...DATA_ERRORS,
  ...MODEL_ERRORS,
  ...HUB_ERRORS,
  ...TRAIN_ERRORS,
  ...APP_ERRORS,
  ...DISTILLATION_ERRORS,
  ...FEWSHOT_ERRORS,
};

export type ErrorCode = keyof typeof ERRORS;

const MARK = Symbol.for('easynlp.error');

/** An error of the registry: `code` identifies it, `details` hold the facts that its message mentions. */
export class EasyNlpError extends Error {
  override readonly name = 'EasyNlpError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  readonly exitCode: number;
  readonly httpStatus: number;
  readonly hint: string | undefined;
  readonly [MARK] = true;

  constructor(code: ErrorCode, details: ErrorDetails = {}, options?: { cause?: unknown }) {
    const spec: ErrorSpec = ERRORS[code];
    super(spec.message(details), options);
    this.code = code;
    this.details = details;
    this.exitCode = spec.exitCode;
    this.httpStatus = spec.httpStatus;
    this.hint = spec.hint?.(details);
  }

  /** True for errors of this class, also when two copies of the package are loaded. */
  static isInstance(error: unknown): error is EasyNlpError {
    return typeof error === 'object' && error !== null && MARK in error;
  }
}
