/** Codes used by this package; the union is open so that glue code may add its own. */
export type TorchErrorCode =
  | 'ARGUMENT_INVALID'
  | 'CHECKPOINT_INVALID'
  | 'CHECKPOINT_REFUSED'
  | 'IO_ERROR'
  | 'LIBTORCH_MISMATCH'
  | 'LIBTORCH_NOT_FOUND'
  | 'OPERATOR_FAILED'
  | 'OPERATOR_MISSING'
  | 'SAFETENSORS_INVALID'
  | 'TENSOR_DISPOSED'
  | (string & {});

/**
 * The only error class that `@easynlp/torch` throws on purpose.
 *
 * `code` is stable and meant for programs, `message` for people (what was wrong, where, what to do), `details`
 * holds the parts of the message as values (file, tensor, operator, shapes …).
 */
export class TorchError extends Error {
  override readonly name = 'TorchError';
  readonly code: TorchErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: TorchErrorCode,
    message: string,
    details: Readonly<Record<string, unknown>> = {},
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.code = code;
    this.details = details;
  }
}
