import { isUtf8 } from 'node:buffer';
import { EasyNlpError } from '../errors/index.js';
import { readBytes } from './file-bytes.js';

const LF = 10;
const CR = 13;
/** A "line" beyond this is a file without line ends, which must not be collected in memory. */
const LONGEST_LINE = 64 * 1024 * 1024;

/** Some successive lines, without their line ends. */
export interface LineBlock {
  readonly lines: readonly string[];
  /** Line number, from 1, of `lines[0]`. */
  readonly first: number;
}

export interface ReadLinesOptions {
  /** Lines to leave out at the start, such as a header. */
  readonly skipLines?: number;
  /** Rows to leave out after those, without decoding them. */
  readonly skipRows?: number;
  /** Whether an empty line is a row; where it is not, it does not count for `skipRows`. */
  readonly blankIsRow?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Lines of a UTF-8 text file (LF or CRLF, byte-order mark allowed, gzip allowed) in blocks, in flat memory.
 * Throws DATA_ENCODING with the line and byte of the first invalid sequence.
 */
export async function* readLines(
  path: string,
  options: ReadLinesOptions = {},
): AsyncGenerator<LineBlock, void, undefined> {
  let line = 1;
  let skipLines = options.skipLines ?? 0;
  let skipRows = options.skipRows ?? 0;
  for await (let block of wholeLines(path, options.signal)) {
    while ((skipLines > 0 || skipRows > 0) && block.length > 0) {
      const end = block.indexOf(LF);
      const length = end === -1 ? block.length : end;
      if (skipLines > 0) skipLines--;
      else if (options.blankIsRow || !isBlank(block, 0, length)) skipRows--;
      block = block.subarray(end === -1 ? block.length : end + 1);
      line++;
    }
    if (block.length === 0) continue;
    const lines = decode(block, path, line).split('\n');
    // A block ends with LF except at the end of a file that lacks it.
    if (block[block.length - 1] === LF) lines.pop();
    if (block.includes(CR)) {
      for (let i = 0; i < lines.length; i++) {
        const text = lines[i]!;
        if (text.charCodeAt(text.length - 1) === CR) lines[i] = text.slice(0, -1);
      }
    }
    yield { lines, first: line };
    line += lines.length;
  }
}

/** Number of rows that `readLines` would give, without decoding anything. */
export async function countLines(path: string, options: ReadLinesOptions = {}): Promise<number> {
  let skipLines = options.skipLines ?? 0;
  let rows = 0;
  for await (const block of wholeLines(path, options.signal)) {
    let at = 0;
    while (at < block.length) {
      const found = block.indexOf(LF, at);
      const end = found === -1 ? block.length : found;
      if (skipLines > 0) skipLines--;
      else if (options.blankIsRow || !isBlank(block, at, end)) rows++;
      at = end + 1;
    }
  }
  return rows;
}

/** Checks blocks of whole lines for valid UTF-8 and hands them on undecoded. */
export async function* validLines(
  path: string,
  signal?: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  let line = 1;
  for await (const block of wholeLines(path, signal)) {
    if (!isUtf8(block)) throw encodingError(block, path, line);
    for (let at = block.indexOf(LF); at !== -1; at = block.indexOf(LF, at + 1)) line++;
    yield block;
  }
}

/** The file cut at line ends, without a byte-order mark; every block but the last ends with LF. */
async function* wholeLines(path: string, signal?: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let start = true;
  let line = 1;
  for await (let block of readBytes(path, signal)) {
    if (start) {
      start = false;
      block = withoutMark(block, path);
    }
    const last = block.lastIndexOf(LF);
    if (last === -1) {
      pending.push(block);
      pendingBytes += block.length;
      if (pendingBytes > LONGEST_LINE) {
        throw new EasyNlpError('DATA_ROW_MALFORMED', {
          file: path,
          line,
          reason: `a line of more than ${LONGEST_LINE / 1024 / 1024} MiB`,
          hint: 'Is this a text file with line ends?',
        });
      }
      continue;
    }
    const whole = block.subarray(0, last + 1);
    yield pending.length === 0 ? whole : Buffer.concat([...pending, whole]);
    for (let at = block.indexOf(LF); at !== -1; at = block.indexOf(LF, at + 1)) line++;
    pending = last + 1 < block.length ? [block.subarray(last + 1)] : [];
    pendingBytes = block.length - last - 1;
  }
  if (pendingBytes > 0) yield Buffer.concat(pending);
}

function withoutMark(block: Buffer, path: string): Buffer {
  if (block[0] === 0xef && block[1] === 0xbb && block[2] === 0xbf) return block.subarray(3);
  if ((block[0] === 0xff && block[1] === 0xfe) || (block[0] === 0xfe && block[1] === 0xff)) {
    throw new EasyNlpError('DATA_ENCODING', {
      file: path,
      line: 1,
      byte: 1,
      got: 'a UTF-16 byte-order mark',
    });
  }
  return block;
}

function isBlank(block: Buffer, start: number, end: number): boolean {
  return end === start || (end === start + 1 && block[start] === CR);
}

function decode(block: Buffer, path: string, firstLine: number): string {
  if (!isUtf8(block)) throw encodingError(block, path, firstLine);
  return block.toString('utf8');
}

function encodingError(block: Buffer, path: string, firstLine: number): EasyNlpError {
  let line = firstLine;
  for (let at = 0; at < block.length; line++) {
    const found = block.indexOf(LF, at);
    const end = found === -1 ? block.length : found;
    const bytes = block.subarray(at, end);
    if (!isUtf8(bytes)) {
      const index = validPrefix(bytes);
      const got = `0x${bytes[index]!.toString(16).padStart(2, '0')}`;
      return new EasyNlpError('DATA_ENCODING', { file: path, line, byte: index + 1, got });
    }
    at = end + 1;
  }
  return new EasyNlpError('DATA_ENCODING', { file: path, line: firstLine, byte: 1, got: 'unknown' });
}

/** Number of bytes before the first invalid sequence: lossy decoding and encoding again agrees up to there. */
function validPrefix(bytes: Buffer): number {
  const again = Buffer.from(bytes.toString('utf8'), 'utf8');
  let i = 0;
  while (i < bytes.length && bytes[i] === again[i]) i++;
  // A cut-off sequence may share its first byte with U+FFFD (EF BF BD): step back to a boundary.
  while (i > 0 && !isUtf8(bytes.subarray(0, i))) i--;
  return i;
}
