import fs from 'node:fs';
import { TorchError } from '../errors.js';
import { ioError } from './io-error.js';

/** Random access to the bytes of a file, or of a buffer that stands for one. */
export interface ByteSource {
  /** Path or label, for messages. */
  readonly name: string;
  readonly size: number;
  /** A fresh copy of `length` bytes from `offset`; both must lie inside the source. */
  read(offset: number, length: number): Uint8Array;
  /** False once another file has taken the name: a mapping by name would then show that one. */
  isCurrent(): boolean;
  close(): void;
}

// One read call takes less than 2 GiB.
const CHUNK = 1 << 30;

/** Opens a regular file for reading. The size is taken once: bytes appended later are not seen. */
export function openFileSource(path: string): ByteSource {
  let descriptor: number;
  let size: number;
  try {
    // O_NONBLOCK: opening a named pipe without a writer must not hang.
    descriptor = fs.openSync(path, fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0));
  } catch (error) {
    throw ioError(error, { action: 'open', path });
  }
  try {
    const stat = fs.fstatSync(descriptor);
    if (!stat.isFile()) {
      const what = stat.isDirectory() ? 'a folder' : 'not a regular file';
      throw new TorchError('IO_ERROR', `cannot read ${path}: it is ${what}`, { path, errno: 'EISDIR' });
    }
    size = stat.size;
  } catch (error) {
    fs.closeSync(descriptor);
    throw ioError(error, { action: 'open', path });
  }
  let open = true;
  return {
    name: path,
    size,
    read(offset, length) {
      if (!open) throw new TorchError('IO_ERROR', `cannot read ${path}: the file was closed`, { path });
      checkRange(path, size, offset, length);
      try {
        const bytes = new Uint8Array(length);
        let done = 0;
        while (done < length) {
          const got = fs.readSync(descriptor, bytes, done, Math.min(CHUNK, length - done), offset + done);
          if (got === 0) {
            throw new TorchError(
              'IO_ERROR',
              `cannot read ${path}: it ended at byte ${offset + done} although it had ${size} bytes when it was opened; something truncated it`,
              { path, offset, bytes: length, done },
            );
          }
          done += got;
        }
        return bytes;
      } catch (error) {
        throw ioError(error, { action: 'read', path, bytes: length });
      }
    },
    isCurrent() {
      const mine = fs.fstatSync(descriptor);
      const now = fs.statSync(path, { throwIfNoEntry: false });
      return now !== undefined && now.ino === mine.ino && now.dev === mine.dev && now.size === size;
    },
    close() {
      if (open) fs.closeSync(descriptor);
      open = false;
    },
  };
}

/** A buffer seen as a file. */
export function memorySource(bytes: Uint8Array, name = '(memory)'): ByteSource {
  // A Buffer's slice() does not copy, and its species would be a Buffer again.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    name,
    size: bytes.byteLength,
    read(offset, length) {
      checkRange(name, bytes.byteLength, offset, length);
      return plain.slice(offset, offset + length);
    },
    isCurrent: () => true,
    close() {},
  };
}

function checkRange(path: string, size: number, offset: number, length: number): void {
  if (
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    length <= size - offset
  )
    return;
  throw new TorchError(
    'IO_ERROR',
    `cannot read ${length} bytes at offset ${offset} of ${path}: it has ${size} bytes`,
    { path, offset, bytes: length, size },
  );
}
