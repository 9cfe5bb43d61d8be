import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { EasyNlpError } from '../errors/index.js';

/** Creates a folder and those above it. Node's own recursive mkdir never returns where no folder can be made (/proc). */
async function makeFolder(path: string): Promise<void> {
  const found = await stat(path).catch(() => null);
  if (found?.isDirectory()) return;
  if (dirname(path) !== path) await makeFolder(dirname(path));
  await mkdir(path).catch((error: NodeJS.ErrnoException) => {
    // Somebody else may have been faster; a file of that name is told by what is written into it next.
    if (error.code !== 'EEXIST') throw error;
  });
}

/** A file that appears under its name only when it is complete; until then, and after a failure, there is nothing. */
export class OutputFile {
  private constructor(
    private readonly path: string,
    private readonly temporary: string,
    private readonly handle: FileHandle,
  ) {}

  /** @throws EasyNlpError TRAIN_OUTPUT when the folder cannot be made or written to, or a folder has that name. */
  static async create(path: string): Promise<OutputFile> {
    const target = resolve(path);
    const temporary = `${target}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
    return guarded(path, async () => {
      if ((await stat(target).catch(() => null))?.isDirectory()) {
        throw new EasyNlpError('TRAIN_OUTPUT', { output: path, reason: 'a folder has this name' });
      }
      await makeFolder(dirname(target));
      return new OutputFile(path, temporary, await open(temporary, 'wx'));
    });
  }

  write(data: string | Uint8Array): Promise<void> {
    return guarded(this.path, () => this.handle.appendFile(data, 'utf8'));
  }

  /** Replaces bytes from `position` on; what follows is still appended at the end. */
  patch(data: Uint8Array, position: number): Promise<void> {
    return guarded(this.path, async () => {
      await this.handle.write(data, 0, data.length, position);
    });
  }

  /** Puts the file in its place. */
  publish(): Promise<void> {
    return guarded(this.path, async () => {
      await this.handle.sync();
      await this.handle.close();
      await rename(this.temporary, resolve(this.path));
    });
  }

  /** Removes what was written. */
  async discard(): Promise<void> {
    await this.handle.close().catch(() => {});
    await rm(this.temporary, { force: true }).catch(() => {});
  }
}

async function guarded<T>(output: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof Error) || typeof (cause as NodeJS.ErrnoException).syscall !== 'string')
      throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new EasyNlpError('TRAIN_OUTPUT', { output, reason: REASONS[code ?? ''] ?? message }, { cause });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'you may not write there',
  EPERM: 'you may not write there',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'your disk quota is used up',
  ENOTDIR: 'a part of the path is a file, not a folder',
};
