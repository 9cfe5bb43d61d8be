import { TorchError } from '../errors.js';

const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the device: free some or choose another folder',
  EDQUOT: 'the disk quota is used up: free some space or choose another folder',
  EFBIG: 'the file would exceed the allowed size',
  EROFS: 'the file system is read-only: choose another folder',
  EACCES: 'permission denied: check the owner and mode of the folder',
  EPERM: 'operation not permitted: check the owner and mode of the folder',
  ENOENT: 'no such file or folder',
  ENOTDIR: 'a part of the path is not a folder',
  EISDIR: 'this is a folder, a file was expected',
  ENOTEMPTY: 'the folder exists and is not empty',
  EEXIST: 'it exists already',
  EMFILE: 'too many open files',
  EIO: 'the device reported an input/output error',
};

interface IoContext {
  readonly action: string;
  readonly path: string;
  /** Bytes that were to be written or read. */
  readonly bytes?: number;
  /** Bytes done when it failed. */
  readonly done?: number;
}

/** True for errors raised by the operating system (they carry `code` such as ENOSPC and `syscall`). */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string';
}

/** Turns an error of the operating system into a `TorchError` IO_ERROR that names path and bytes. */
export function ioError(error: unknown, context: IoContext): TorchError {
  if (error instanceof TorchError) return error;
  const errno = (error as NodeJS.ErrnoException | null)?.code ?? 'UNKNOWN';
  const advice = ADVICE[errno] ?? (error instanceof Error ? error.message : String(error));
  const amount =
    context.bytes === undefined
      ? ''
      : context.done === undefined
        ? ` (${context.bytes} bytes)`
        : ` (${context.done} of ${context.bytes} bytes done)`;
  return new TorchError(
    'IO_ERROR',
    `cannot ${context.action} ${context.path}${amount}: ${advice} [${errno}]`,
    { ...context, errno },
    { cause: error },
  );
}
