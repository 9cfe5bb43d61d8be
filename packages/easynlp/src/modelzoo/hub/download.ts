import { createHash, type Hash, randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { EasyNlpError } from '../../errors/index.js';
import { translateFileError } from './file-errors.js';
import { type HubHttp, isTransient } from './http.js';
import { clearStaleLock, processAlive, withFileLock } from './lock.js';
import type { FileCheck, HubProgress, RemoteFile } from './types.js';

/** A temporary file of unknown owner (another machine) is adopted after this silence. */
const ABANDONED_MS = 10 * 60_000;

export interface BlobPlaces {
  /** `<repository>/blobs` */
  readonly blobs: string;
  /** `<cache>/.locks/<repository>` */
  readonly locks: string;
}

export type BlobProgress = (state: HubProgress['state'], receivedBytes: number) => void;

/** Temporary files that this process is writing now. */
const active = new Set<string>();

const host = createHash('sha1').update(hostname()).digest('hex').slice(0, 8);

export async function fileSize(path: string): Promise<number | undefined> {
  const info = await stat(path).catch(() => undefined);
  return info?.isFile() ? info.size : undefined;
}

/**
 * Makes sure that `blobs/<blobId>` is there, complete and verified. The bytes go to a temporary file of this process;
 * only a file whose size and hash are right is renamed into place. A temporary file of a dead process is continued
 * with a range request.
 * @throws EasyNlpError HUB_NETWORK, HUB_SERVER_ERROR, HUB_DOWNLOAD_TRUNCATED, HUB_CHECKSUM_MISMATCH, HUB_DISK_FULL, …
 */
export async function ensureBlob(
  file: RemoteFile,
  places: BlobPlaces,
  http: HubHttp,
  progress: BlobProgress,
): Promise<'cached' | 'downloaded'> {
  const blob = join(places.blobs, file.blobId);
  const complete = async (): Promise<boolean> => (await fileSize(blob)) === file.size;
  const lock = join(places.locks, `${file.blobId}.easynlp.lock`);
  if (await complete()) {
    // Its owner may have been killed between the last byte and the unlocking.
    await clearStaleLock(lock);
    return 'cached';
  }
  try {
    await mkdir(places.blobs, { recursive: true });
    const action = async (): Promise<'cached' | 'downloaded'> => {
      if (await complete()) return 'cached';
      await new BlobDownload(file, places.blobs, blob, http, progress).run();
      return 'downloaded';
    };
    return await withFileLock(lock, action, {
      signal: http.settings.signal,
      onWait: () => progress('waiting', 0),
      done: complete,
    });
  } catch (error) {
    throw translateFileError(error, { name: http.context.name, file: file.path, path: places.blobs });
  }
}

function startHash(check: FileCheck | undefined, size: number): Hash {
  // Git's id of a blob: SHA-1 of "blob <size>\0" and the content.
  return check?.algorithm === 'git' ? createHash('sha1').update(`blob ${size}\0`) : createHash('sha256');
}

class BlobDownload {
  private offset = 0;
  private hash: Hash;
  private resumed = false;

  constructor(
    private readonly file: RemoteFile,
    private readonly folder: string,
    private readonly blob: string,
    private readonly http: HubHttp,
    private readonly progress: BlobProgress,
  ) {
    this.hash = startHash(file.check, file.size);
  }

  async run(): Promise<void> {
    const temporary = await this.claim();
    active.add(temporary);
    try {
      const handle = await open(temporary, 'r+');
      try {
        await this.rehash(handle);
        await this.checkRoom();
        await this.fill(handle);
        if (!this.verified() && this.resumed) {
          // What was here before was damaged: once more from the start.
          await this.restart(handle);
          await this.fill(handle);
        }
        await this.verify(handle);
        // Without this, a power cut could leave a blob of the right name and size, but empty.
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(temporary, this.blob);
    } catch (error) {
      const code = EasyNlpError.isInstance(error) ? error.code : (error as NodeJS.ErrnoException).code;
      // A partial file is kept for the next attempt, unless it is empty, wrong or fills the disk.
      const useless = this.offset === 0 || code === 'HUB_CHECKSUM_MISMATCH';
      if (useless || code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
        await rm(temporary, { force: true }).catch(() => undefined);
      }
      // Another process took the file over while this one was suspended, and finished it.
      if (code === 'ENOENT' && (await fileSize(this.blob)) === this.file.size) return;
      throw error;
    } finally {
      active.delete(temporary);
    }
  }

  /** Takes over what a dead process has left, or creates an empty file. */
  private async claim(): Promise<string> {
    const own = join(
      this.folder,
      `${this.file.blobId}.${host}-${process.pid}-${randomBytes(4).toString('hex')}.incomplete`,
    );
    const prefix = `${this.file.blobId}.`;
    for (const name of await readdir(this.folder)) {
      const owner = /^\.?([0-9a-f]{8})-(\d+)-[0-9a-f]{8}\.incomplete$/.exec(name.slice(prefix.length));
      if (!name.startsWith(prefix) || owner === null) continue;
      const path = join(this.folder, name);
      if (active.has(path) || !(await isAbandoned(path, owner[1]!, Number(owner[2])))) continue;
      const adopted = await rename(path, own).then(
        () => true,
        () => false,
      );
      if (adopted) return own;
    }
    await (await open(own, 'wx')).close();
    return own;
  }

  /** Counts and hashes the bytes that are here already. */
  private async rehash(handle: FileHandle): Promise<void> {
    const { size } = await handle.stat();
    if (size === 0) return;
    if (size > this.file.size) return this.restart(handle);
    const buffer = Buffer.allocUnsafe(1 << 20);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, this.offset);
      if (bytesRead === 0) break;
      this.hash.update(buffer.subarray(0, bytesRead));
      this.offset += bytesRead;
    }
    this.resumed = true;
  }

  private async restart(handle: FileHandle): Promise<void> {
    await handle.truncate(0);
    this.offset = 0;
    this.resumed = false;
    this.hash = startHash(this.file.check, this.file.size);
  }

  private async checkRoom(): Promise<void> {
    const needed = this.file.size - this.offset;
    const info = await statfs(this.folder).catch(() => undefined);
    if (info === undefined || info.blocks === 0) return;
    const free = info.bavail * info.bsize;
    if (needed <= free) return;
    const details = { name: this.http.context.name, file: this.file.path, path: this.folder, needed, free };
    throw new EasyNlpError('HUB_DISK_FULL', details, {
      cause: Object.assign(new Error('no room'), { code: 'ENOSPC' }),
    });
  }

  /** Fetches until the announced size is reached; each failure is answered with a range request for the rest. */
  private async fill(handle: FileHandle): Promise<void> {
    const { retries } = this.http.settings;
    for (let failures = 0; this.offset < this.file.size; ) {
      const before = this.offset;
      try {
        await this.fetchPart(handle);
        if (this.offset >= this.file.size) return;
        throw new EasyNlpError('HUB_NETWORK', {
          ...this.http.details,
          reason: 'the connection ended too early',
        });
      } catch (error) {
        const rangeRefused =
          EasyNlpError.isInstance(error) && error.details.status === 416 && this.offset > 0;
        if (rangeRefused) await this.restart(handle);
        else if (!isTransient(error)) throw error;
        // A slow line that gets on is not a failing one.
        if (this.offset - before >= 2 ** 20) failures = 0;
        failures += 1;
        if (failures > retries) throw this.gaveUp(error, failures);
        await this.http.pause(failures, error);
      }
    }
  }

  private gaveUp(error: unknown, attempts: number): unknown {
    if (this.offset === 0) return error;
    const details = {
      ...this.http.details,
      file: this.file.path,
      received: this.offset,
      expected: this.file.size,
      attempts,
    };
    return new EasyNlpError('HUB_DOWNLOAD_TRUNCATED', details, { cause: error });
  }

  private async fetchPart(handle: FileHandle): Promise<void> {
    const from = this.offset;
    const range: Record<string, string> = from > 0 ? { range: `bytes=${from}-` } : {};
    // Ranges and hashes are of the plain bytes, so no compression on the way.
    const { response, alive, close } = await this.http.open(this.file.url, {
      'accept-encoding': 'identity',
      ...range,
    });
    try {
      if (from > 0 && response.status !== 206) await this.restart(handle);
      if (response.status === 206) this.checkRange(response.headers.get('content-range'), from);
      for await (const chunk of response.body ?? []) {
        alive();
        if (this.offset + chunk.byteLength > this.file.size) {
          const reason = `${this.file.path} is longer than the announced ${this.file.size} bytes`;
          throw new EasyNlpError('HUB_BAD_RESPONSE', { ...this.http.details, reason });
        }
        await this.write(handle, chunk);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).syscall === 'write') throw error;
      throw this.http.translate(error);
    } finally {
      close();
    }
  }

  private checkRange(header: string | null, from: number): void {
    const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(header ?? '');
    if (
      range !== null &&
      Number(range[1]) === from &&
      (range[3] === '*' || Number(range[3]) === this.file.size)
    )
      return;
    const reason = `asked for bytes from ${from} of ${this.file.size} of ${this.file.path}, got "${header ?? ''}"`;
    throw new EasyNlpError('HUB_BAD_RESPONSE', { ...this.http.details, reason });
  }

  private async write(handle: FileHandle, chunk: Uint8Array): Promise<void> {
    for (let written = 0; written < chunk.byteLength; ) {
      // At a position, never appended: a taken-over file must get the same bytes at the same places from both.
      const result = await handle.write(chunk, written, chunk.byteLength - written, this.offset + written);
      written += result.bytesWritten;
    }
    this.hash.update(chunk);
    this.offset += chunk.byteLength;
    this.progress('downloading', this.offset);
  }

  private verified(): boolean {
    return this.file.check === undefined || this.hash.copy().digest('hex') === this.file.check.hex;
  }

  private async verify(handle: FileHandle): Promise<void> {
    const { size } = await handle.stat();
    const details = { ...this.http.details, file: this.file.path };
    if (size !== this.file.size) {
      throw new EasyNlpError('HUB_CHECKSUM_MISMATCH', {
        ...details,
        algorithm: 'size',
        actual: size,
        expected: this.file.size,
      });
    }
    if (this.verified()) return;
    const algorithm = this.file.check?.algorithm === 'git' ? 'git SHA-1' : 'SHA-256';
    const actual = this.hash.copy().digest('hex');
    throw new EasyNlpError('HUB_CHECKSUM_MISMATCH', {
      ...details,
      algorithm,
      actual,
      expected: this.file.check?.hex,
    });
  }
}

async function isAbandoned(path: string, ownerHost: string, pid: number): Promise<boolean> {
  if (ownerHost === host && (pid === process.pid || !processAlive(pid))) return true;
  const info = await stat(path).catch(() => undefined);
  return info !== undefined && Date.now() - info.mtimeMs > ABANDONED_MS;
}
