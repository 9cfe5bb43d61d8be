import { randomBytes } from 'node:crypto';
import {
  copyFile,
  mkdir,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { EasyNlpError } from '../../errors/index.js';
import { type BlobPlaces, fileSize } from './download.js';
import { translateFileError } from './file-errors.js';
import { type Selection, selectFiles, shardFiles } from './select-files.js';
import type { RemoteFile } from './types.js';

const COMMIT = /^[0-9a-f]{40}$/;
const DEEPEST = 8;

export const isCommit = (revision: string): boolean => COMMIT.test(revision);

/** What a cached snapshot holds and lacks. */
export interface CachedSnapshot {
  readonly folder: string;
  readonly files: readonly string[];
  /** Empty when the snapshot is usable. */
  readonly missing: readonly string[];
}

/**
 * One repository in the cache, in the layout that Python's huggingface_hub uses and shares with us:
 * `models--owner--name/{blobs/<etag>, refs/<revision>, snapshots/<commit>/<file> → ../../blobs/<etag>}`.
 */
export class RepositoryCache {
  readonly folder: string;
  readonly places: BlobPlaces;

  constructor(
    readonly cacheDir: string,
    readonly hubName: string,
  ) {
    const folderName = `models--${hubName.split('/').join('--')}`;
    this.folder = join(cacheDir, folderName);
    this.places = { blobs: join(this.folder, 'blobs'), locks: join(cacheDir, '.locks', folderName) };
  }

  snapshotFolder(commit: string): string {
    return join(this.folder, 'snapshots', commit);
  }

  /** A file's place in a snapshot when it is there with the right size, else undefined. */
  async existing(commit: string, file: RemoteFile): Promise<string | undefined> {
    const path = join(this.snapshotFolder(commit), ...file.path.split('/'));
    return (await fileSize(path)) === file.size ? path : undefined;
  }

  /** The commit that a branch or tag pointed to when it was last fetched. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision;
    const commit = (
      await readFile(join(this.folder, 'refs', ...revision.split('/')), 'utf8').catch(() => '')
    ).trim();
    return isCommit(commit) ? commit : undefined;
  }

  async setRef(revision: string, commit: string): Promise<void> {
    if (isCommit(revision) || (await this.commitOf(revision)) === commit) return;
    const path = join(this.folder, 'refs', ...revision.split('/'));
    await mkdir(dirname(path), { recursive: true });
    const temporary = join(this.folder, `.ref-${randomBytes(6).toString('hex')}`);
    await writeFile(temporary, commit);
    await rename(temporary, path);
  }

  /** The cached snapshot of a revision, or undefined when there is none. */
  async find(revision: string, patterns?: readonly string[]): Promise<CachedSnapshot | undefined> {
    const commit = await this.commitOf(revision);
    return commit === undefined ? undefined : readSnapshot(this.snapshotFolder(commit), patterns);
  }

  /**
   * Shows a complete blob under its name in the snapshot. Links are made aside and renamed, so that a reader of the
   * snapshot sees the whole file or none. Where links are not possible (Windows without the privilege), a copy.
   */
  async link(commit: string, file: RemoteFile, name: string): Promise<void> {
    const snapshot = this.snapshotFolder(commit);
    const target = join(snapshot, ...file.path.split('/'));
    if ((await fileSize(target)) === file.size) return;
    const blob = join(this.places.blobs, file.blobId);
    const temporary = join(this.places.blobs, `.link-${randomBytes(6).toString('hex')}`);
    try {
      await mkdir(dirname(target), { recursive: true });
      await this.assertInside(snapshot, dirname(target), file.path, name);
      try {
        await symlink(relative(dirname(target), blob), temporary);
      } catch {
        await copyFile(blob, temporary);
      }
      await rename(temporary, target);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw translateFileError(error, { name, file: file.path, path: target });
    }
  }

  /** A folder inside the snapshot could be a link that leads elsewhere; nothing is written through such a link. */
  private async assertInside(snapshot: string, folder: string, file: string, name: string): Promise<void> {
    const [root, real] = [await realpath(snapshot), await realpath(folder)];
    if (real === root || real.startsWith(root + sep)) return;
    const reason = `its folder in the cache is a link to ${real}`;
    throw new EasyNlpError('HUB_UNSAFE_FILE_NAME', { name, endpoint: this.cacheDir, file, reason });
  }
}

/** Looks at a folder that should hold a model; undefined when there is no such folder. */
export async function readSnapshot(
  folder: string,
  patterns?: readonly string[],
): Promise<CachedSnapshot | undefined> {
  const files: string[] = [];
  const walk = async (path: string, prefix: string, depth: number): Promise<void> => {
    for (const name of await readdir(path)) {
      const full = join(path, name);
      // stat, not lstat: a link whose blob is gone must not count as a file
      const info = await stat(full).catch(() => undefined);
      if (info?.isFile()) files.push(prefix + name);
      else if (info?.isDirectory() && depth < DEEPEST) await walk(full, `${prefix}${name}/`, depth + 1);
    }
  };
  try {
    await walk(folder, '', 0);
  } catch {
    return undefined;
  }
  files.sort();
  const selection = selectFiles(files, patterns);
  return {
    folder,
    files,
    missing: [...selection.missing, ...(await missingShards(folder, files, selection))],
  };
}

async function missingShards(
  folder: string,
  files: readonly string[],
  selection: Selection,
): Promise<string[]> {
  if (selection.index === undefined) return [];
  try {
    const text = await readFile(join(folder, selection.index), 'utf8');
    const present = new Set(files);
    return shardFiles(text, selection.index, { name: folder, endpoint: folder }).filter(
      (shard) => !present.has(shard),
    );
  } catch {
    return [`a readable ${selection.index}`];
  }
}
