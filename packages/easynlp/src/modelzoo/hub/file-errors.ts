import { EasyNlpError } from '../../errors/index.js';

/** Turns failures of the file system into errors that say what to do; anything else passes through. */
export function translateFileError(
  error: unknown,
  details: { name: string; file: string; path: string },
): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
    return new EasyNlpError('HUB_DISK_FULL', { ...details, reason: code }, { cause: error });
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || code === 'ENOTDIR') {
    const reason = (error as Error).message;
    return new EasyNlpError('HUB_CACHE_NOT_WRITABLE', { ...details, reason }, { cause: error });
  }
  return error;
}
