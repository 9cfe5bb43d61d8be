import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { TorchError } from '../errors.js';
import { ioError, isSystemError } from './io-error.js';
import { removeStaleTemporaries, retiredFolders, retiredPath, temporaryPath } from './temporary.js';

const CHUNK = 1 << 26;

/** One buffer, a text, or several buffers produced one after the other (so that they need not exist at once). */
export type AtomicData = Uint8Array | string | Iterable<Uint8Array>;

/**
 * Writes a file so that other processes, and this machine after a crash, see either the old content or all of the
 * new one: a temporary file in the same folder is written, synced and renamed, then the folder is synced. On any
 * error the temporary file is removed and the old file stays.
 *
 * @param bytes total size, if known; only used in messages.
 * @throws TorchError IO_ERROR naming path and bytes (disk full, read-only folder …).
 */
export function writeFileAtomic(path: string, data: AtomicData, bytes?: number): void {
  const chunks = typeof data === 'string' ? [Buffer.from(data)] : data instanceof Uint8Array ? [data] : data;
  const total = Array.isArray(chunks) ? chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0) : bytes;
  removeStaleTemporaries(path);
  const temporary = temporaryPath(path);
  let done = 0;
  let descriptor: number | null = null;
  try {
    descriptor = fs.openSync(temporary, 'wx');
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.byteLength; ) {
        const wrote = fs.writeSync(descriptor, chunk, at, Math.min(CHUNK, chunk.byteLength - at));
        at += wrote;
        done += wrote;
      }
    }
    fs.fsyncSync(descriptor);
    // Not in `finally`: some file systems report a failed write only here.
    const closing = descriptor;
    descriptor = null;
    fs.closeSync(closing);
    fs.renameSync(temporary, path);
  } catch (error) {
    if (descriptor !== null) attempt(() => fs.closeSync(descriptor as number));
    attempt(() => fs.rmSync(temporary, { force: true }));
    throw isSystemError(error)
      ? ioError(error, { action: 'write', path, bytes: total ?? done, done })
      : error;
  }
  syncFolder(dirname(path));
}

export interface AtomicFolderOptions {
  /**
   * Replace an existing folder. POSIX cannot swap two folders in one step from here, so the old one is set aside
   * for the moment between two renames; `recoverFolder` brings it back if the process dies just then.
   * Default false: an existing target is an error.
   */
  readonly replace?: boolean;
}

/**
 * Creates a folder with all of its files or not at all: `fill` writes into a temporary folder beside `target`, then
 * every file is synced, the folder renamed and its parent synced. On any error the temporary folder is removed.
 *
 * ```ts
 * await atomicFolder('out/checkpoint-100', async (folder) => {
 *   writeSafetensors(`${folder}/model.safetensors`, tensors);
 * });
 * ```
 *
 * @returns what `fill` returned.
 * @throws TorchError IO_ERROR naming the target; errors of `fill` that do not come from the file system as they are.
 */
export async function atomicFolder<T>(
  target: string,
  fill: (folder: string) => T | Promise<T>,
  options: AtomicFolderOptions = {},
): Promise<T> {
  recoverFolder(target);
  removeStaleTemporaries(target);
  const temporary = temporaryPath(target);
  let result: T;
  try {
    refuseExisting(target, options.replace ?? false);
    fs.mkdirSync(temporary);
    result = await fill(temporary);
    syncTree(temporary);
    moveIntoPlace(temporary, target, options.replace ?? false);
  } catch (error) {
    attempt(() => fs.rmSync(temporary, { recursive: true, force: true }));
    throw isSystemError(error) ? ioError(error, { action: 'write folder', path: target }) : error;
  }
  syncFolder(dirname(target));
  for (const retired of retiredFolders(target))
    attempt(() => fs.rmSync(retired, { recursive: true, force: true }));
  return result;
}

/**
 * Undoes a replacement that died between its two renames: if `target` is missing and its set-aside predecessor is
 * there, that one is renamed back. Returns true if it did. Call it before reading a folder written with `replace`.
 */
export function recoverFolder(target: string): boolean {
  if (fs.existsSync(target)) return false;
  const [retired] = retiredFolders(target);
  if (retired === undefined) return false;
  try {
    fs.renameSync(retired, target);
  } catch (error) {
    throw ioError(error, { action: 'bring back', path: target });
  }
  syncFolder(dirname(target));
  return true;
}

function refuseExisting(target: string, replace: boolean): void {
  const stat = fs.lstatSync(target, { throwIfNoEntry: false });
  if (stat === undefined || (replace && stat.isDirectory())) return;
  throw new TorchError(
    'IO_ERROR',
    `cannot write folder ${target}: it exists already${stat.isDirectory() ? '' : ' and is not a folder'}; remove it or choose another name`,
    { path: target, errno: 'EEXIST' },
  );
}

function moveIntoPlace(temporary: string, target: string, replace: boolean): void {
  if (!replace || !fs.existsSync(target)) {
    fs.renameSync(temporary, target);
    return;
  }
  const retired = retiredPath(target);
  fs.renameSync(target, retired);
  try {
    fs.renameSync(temporary, target);
  } catch (error) {
    attempt(() => fs.renameSync(retired, target));
    throw error;
  }
}

function syncTree(folder: string): void {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) syncTree(path);
    else if (entry.isFile()) syncPath(path);
  }
  syncFolder(folder);
}

function syncPath(path: string): void {
  const descriptor = fs.openSync(path, 'r+');
  try {
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}

/** Makes renames in a folder durable. Systems that cannot sync folders (Windows, some network mounts) are left alone. */
function syncFolder(folder: string): void {
  let descriptor: number;
  try {
    descriptor = fs.openSync(folder, 'r');
  } catch {
    return;
  }
  try {
    fs.fsyncSync(descriptor);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EIO')
      throw ioError(error, { action: 'sync', path: folder });
  } finally {
    fs.closeSync(descriptor);
  }
}

function attempt(action: () => void): void {
  try {
    action();
  } catch {
    // Clean-up after an error: the first error is the one to report.
  }
}
