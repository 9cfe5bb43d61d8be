import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { EasyNlpError } from '../errors/index.js';
import { nearest } from '../util/index.js';

const BLOCK = 256 * 1024;

/** What is known of a file before its content is read. */
export interface FileProbe {
  readonly path: string;
  readonly size: number;
  readonly gzip: boolean;
  readonly xz: boolean;
}

const XZ_MAGIC = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]);

/**
 * Opens the file once to see that it exists, is a regular file, may be read and is not empty, and whether it
 * is compressed (by its content, not its name). Throws DATA_FILE_NOT_FOUND, DATA_FILE_UNREADABLE, DATA_EMPTY.
 */
export async function probeFile(path: string): Promise<FileProbe> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    throw await openError(path, error);
  }
  try {
    const stats = await handle.stat();
    if (stats.isDirectory()) throw unreadable(path, 'it is a folder');
    const magic = Buffer.alloc(6);
    const { bytesRead } = await handle.read(magic, 0, 6, 0);
    if (bytesRead === 0) throw new EasyNlpError('DATA_EMPTY', { file: path, reason: 'the file is empty' });
    const gzip = bytesRead >= 2 && magic[0] === 0x1f && magic[1] === 0x8b;
    return { path, size: stats.size, gzip, xz: magic.equals(XZ_MAGIC) };
  } catch (error) {
    throw EasyNlpError.isInstance(error) ? error : await openError(path, error);
  } finally {
    await handle.close();
  }
}

/**
 * The bytes of a file in blocks, decompressed when it is a gzip file, or an xz file and the program `xz` is
 * installed. Ends early when `signal` aborts.
 */
export async function* readBytes(
  path: string,
  signal?: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const { gzip, xz } = await probeFile(path);
  if (xz) {
    yield* readXz(path, signal);
    return;
  }
  const source = createReadStream(path, { highWaterMark: BLOCK });
  const stream = gzip
    ? pipeline(source, createGunzip({ chunkSize: BLOCK }), () => {}) // its errors reach the loop below
    : source;
  try {
    for await (const block of stream) {
      signal?.throwIfAborted();
      yield block as Buffer;
    }
  } catch (error) {
    if (signal?.aborted || EasyNlpError.isInstance(error)) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (gzip && (code.startsWith('Z_') || code === 'ERR_STREAM_PREMATURE_CLOSE')) {
      throw new EasyNlpError(
        'DATA_COMPRESSED',
        { file: path, reason: (error as Error).message },
        { cause: error },
      );
    }
    throw await openError(path, error);
  } finally {
    stream.destroy();
    source.destroy();
  }
}

/** Node.js has no decoder for xz: the program of that name writes the content to a pipe. */
async function* readXz(path: string, signal?: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
  const child = spawn('xz', ['-dc', '--', path], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<{ code: number | null; error?: Error }>((resolve) => {
    child.once('error', (error) => resolve({ code: null, error }));
    child.once('close', (code) => resolve({ code }));
  });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(0, 500);
  });
  try {
    for await (const block of child.stdout) {
      signal?.throwIfAborted();
      yield block as Buffer;
    }
    const { code, error } = await ended;
    if (error !== undefined) {
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      const reason = missing
        ? 'it is compressed by xz, and the program xz is not installed (Debian: apt install xz-utils); install it or unpack the file'
        : error.message;
      throw unreadable(path, reason, error);
    }
    if (code !== 0) {
      const reason = complaint.trim().replace(/^xz: /, '') || `xz ended with code ${code}`;
      throw new EasyNlpError('DATA_COMPRESSED', { file: path, reason });
    }
  } finally {
    child.kill();
  }
}

async function openError(path: string, error: unknown): Promise<EasyNlpError> {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    const neighbours = await readdir(dirname(path)).catch(() => []);
    const near = nearest(basename(path), neighbours);
    return new EasyNlpError('DATA_FILE_NOT_FOUND', { file: path, suggestion: near }, { cause: error });
  }
  const reason =
    code === 'EACCES' || code === 'EPERM'
      ? 'permission denied'
      : code === 'EISDIR'
        ? 'it is a folder'
        : message;
  return unreadable(path, reason, error);
}

function unreadable(path: string, reason: string, cause?: unknown): EasyNlpError {
  return new EasyNlpError('DATA_FILE_UNREADABLE', { file: path, reason }, { cause });
}
