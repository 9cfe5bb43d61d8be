import { EasyNlpError } from '../../errors/index.js';

// Windows' reserved device names open devices instead of files.
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)(\..*)?$/i;

/** Why a file name from a server must not be joined to a folder of ours; undefined when it is harmless. */
export function unsafeFileNameReason(name: unknown): string | undefined {
  if (typeof name !== 'string' || name === '') return 'it is empty or not a text';
  if (name.length > 512) return 'it is longer than 512 characters';
  if (name.includes('\\')) return 'it contains a backslash';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(name)) return 'it contains a control character';
  if (name.startsWith('/')) return 'it is an absolute path';
  for (const part of name.split('/')) {
    if (part === '') return 'it has an empty part';
    if (part === '.' || part === '..') return `it has the part "${part}"`;
    if (/^[a-z]:/i.test(part)) return 'it has a drive letter';
    if (part.includes(':')) return 'it contains a colon';
    if (DEVICE.test(part)) return `"${part}" is a device name on Windows`;
    if (part.length > 255) return 'a part of it is longer than 255 characters';
  }
  return undefined;
}

/**
 * Refuses names that could leave the cache when joined to it (R29).
 * @throws EasyNlpError HUB_UNSAFE_FILE_NAME
 */
export function assertSafeFileName(file: unknown, context: { name: string; endpoint: string }): string {
  const reason = unsafeFileNameReason(file);
  if (reason !== undefined) throw new EasyNlpError('HUB_UNSAFE_FILE_NAME', { ...context, file, reason });
  return file as string;
}

/** Why a text cannot be a hub name; undefined for `name` and `owner/name` of the hub's alphabet. */
export function badHubNameReason(name: string): string | undefined {
  if (name === '') return 'it is empty';
  const parts = name.split('/');
  if (parts.length > 2) return 'hub names have at most one "/"';
  for (const part of parts) {
    if (part === '') return 'owner or name is empty';
    if (part.length > 96) return 'it is longer than 96 characters';
    const wrong = /[^\w.-]/.exec(part);
    if (wrong)
      return `it contains ${JSON.stringify(wrong[0])}; hub names have letters, digits, "-", "_" and "."`;
    if (/^[.-]|[.-]$/.test(part)) return 'owner and name do not begin or end with "-" or "."';
    // "--" separates owner and name in the cache's folder names
    if (part.includes('--') || part.includes('..')) return 'it contains "--" or ".."';
  }
  return undefined;
}

/** Why a text cannot be a revision (it becomes a file name under refs/). */
export function badRevisionReason(revision: string): string | undefined {
  if (revision.length > 200) return 'it is longer than 200 characters';
  return /^[\w./+-]+$/.test(revision)
    ? unsafeFileNameReason(revision)
    : 'it contains characters that git does not allow';
}
