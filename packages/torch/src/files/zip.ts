import { TorchError } from '../errors.js';
import type { ByteSource } from './byte-source.js';
import { crc32 } from './crc32.js';

/** One member of a zip archive: its bytes lie at `begin` of the file. */
export interface ZipRecord {
  readonly name: string;
  readonly begin: number;
  readonly size: number;
  readonly crc32: number;
  /** False if compressed: such members (code of TorchScript) are listed, but not read. */
  readonly stored: boolean;
}

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const END_BYTES = 22;
const MAX_COMMENT = 0xffff;
const MAX_32 = 0xffffffff;
const PIECE = 1 << 24;

/**
 * Lists the members of a zip archive as PyTorch writes it (stored, not compressed; zip64 where needed). All offsets
 * and sizes are checked against the file, members may not overlap, and names must be unique and relative.
 *
 * @throws TorchError CHECKPOINT_INVALID, or CHECKPOINT_REFUSED for names that leave the archive.
 */
export function readZipDirectory(source: ByteSource): Map<string, ZipRecord> {
  const { offset, size, count } = findDirectory(source);
  const directory = view(source, offset, size);
  const records = new Map<string, ZipRecord>();
  let at = 0;
  for (let index = 0; index < count; index++) {
    if (at + 46 > size || directory.getUint32(at, true) !== CENTRAL)
      throw damaged(source, 'its directory is broken');
    const flags = directory.getUint16(at + 8, true);
    const method = directory.getUint16(at + 10, true);
    const crc = directory.getUint32(at + 16, true);
    const nameBytes = directory.getUint16(at + 28, true);
    const extraBytes = directory.getUint16(at + 30, true);
    const commentBytes = directory.getUint16(at + 32, true);
    const end = at + 46 + nameBytes + extraBytes + commentBytes;
    if (end > size) throw damaged(source, 'its directory is cut off');
    const name = new TextDecoder().decode(
      new Uint8Array(directory.buffer, directory.byteOffset + at + 46, nameBytes),
    );
    checkName(source, name);
    const wide = readWide(directory, at, at + 46 + nameBytes, extraBytes);
    if ((flags & 1) !== 0) throw damaged(source, `member '${name}' is encrypted`);
    if (method === 0 && wide.packed !== wide.size) throw damaged(source, `member '${name}' has two sizes`);
    if (records.has(name)) throw damaged(source, `member '${name}' occurs twice`);
    records.set(name, {
      name,
      begin: dataOffset(source, wide.local, name),
      size: wide.packed,
      crc32: crc,
      stored: method === 0,
    });
    at = end;
  }
  checkLayout(source, records, offset);
  return records;
}

/** The bytes of a member. With `verify` (default) its checksum is compared. */
export function readZipRecord(source: ByteSource, record: ZipRecord, verify = true): Uint8Array {
  if (!record.stored) {
    throw damaged(source, `member '${record.name}' is compressed; PyTorch stores weights uncompressed`);
  }
  const bytes = source.read(record.begin, record.size);
  if (verify && crc32(bytes) !== record.crc32) throw wrongChecksum(source, record);
  return bytes;
}

/** Compares a member's checksum in pieces, without holding all of it. */
export function verifyZipRecord(source: ByteSource, record: ZipRecord): void {
  let sum = 0;
  for (let at = 0; at < record.size; at += PIECE) {
    sum = crc32(source.read(record.begin + at, Math.min(PIECE, record.size - at)), sum);
  }
  if (sum !== record.crc32) throw wrongChecksum(source, record);
}

function wrongChecksum(source: ByteSource, record: ZipRecord): TorchError {
  return damaged(
    source,
    `the checksum of member '${record.name}' does not match, its bytes changed after writing`,
  );
}

function findDirectory(source: ByteSource): { offset: number; size: number; count: number } {
  const tailBytes = Math.min(source.size, END_BYTES + MAX_COMMENT);
  const tail = view(source, source.size - tailBytes, tailBytes);
  for (let at = tailBytes - END_BYTES; at >= 0; at--) {
    if (tail.getUint32(at, true) !== END || at + END_BYTES + tail.getUint16(at + 20, true) !== tailBytes)
      continue;
    let count = tail.getUint16(at + 10, true);
    let size = tail.getUint32(at + 12, true);
    let offset = tail.getUint32(at + 16, true);
    let limit = source.size - tailBytes + at;
    const wide = findWideEnd(source, limit);
    if (wide !== null) ({ count, size, offset, limit } = wide);
    if (offset > limit || size > limit - offset || count * 46 > size) break;
    return { offset, size, count };
  }
  throw damaged(source, 'the zip archive has no valid directory at its end; the file is probably cut off');
}

function findWideEnd(
  source: ByteSource,
  end: number,
): { offset: number; size: number; count: number; limit: number } | null {
  if (end < 20) return null;
  const locator = view(source, end - 20, 20);
  if (locator.getUint32(0, true) !== LOCATOR64) return null;
  const at = Number(locator.getBigUint64(8, true));
  if (at > end - 20 - 56) throw damaged(source, 'its zip64 directory lies outside of the file');
  const record = view(source, at, 56);
  if (record.getUint32(0, true) !== END64) throw damaged(source, 'its zip64 directory is broken');
  return {
    count: Number(record.getBigUint64(32, true)),
    size: Number(record.getBigUint64(40, true)),
    offset: Number(record.getBigUint64(48, true)),
    limit: at,
  };
}

/** Sizes and offset of a directory entry; those that do not fit 32 bits are in the extra field 1. */
function readWide(
  directory: DataView,
  entry: number,
  extra: number,
  extraBytes: number,
): { packed: number; size: number; local: number } {
  let packed = directory.getUint32(entry + 20, true);
  let size = directory.getUint32(entry + 24, true);
  let local = directory.getUint32(entry + 42, true);
  for (let at = extra; at + 4 <= extra + extraBytes; ) {
    const id = directory.getUint16(at, true);
    const fieldEnd = at + 4 + directory.getUint16(at + 2, true);
    if (id === 1 && fieldEnd <= extra + extraBytes) {
      let next = at + 4;
      const take = (old: number): number => {
        if (old !== MAX_32 || next + 8 > fieldEnd) return old;
        next += 8;
        return Number(directory.getBigUint64(next - 8, true));
      };
      size = take(size);
      packed = take(packed);
      local = take(local);
    }
    at = fieldEnd;
  }
  return { packed, size, local };
}

function dataOffset(source: ByteSource, local: number, name: string): number {
  if (local > source.size - 30) throw damaged(source, `member '${name}' lies outside of the file`);
  const header = view(source, local, 30);
  if (header.getUint32(0, true) !== LOCAL) throw damaged(source, `member '${name}' has no header`);
  return local + 30 + header.getUint16(26, true) + header.getUint16(28, true);
}

function checkName(source: ByteSource, name: string): void {
  const parts = name.split(/[/\\]/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: NUL in names is an old trick.
  if (!parts.includes('..') && !/^[/\\]|^[A-Za-z]:|\u0000/.test(name)) return;
  throw new TorchError(
    'CHECKPOINT_REFUSED',
    `${source.name} is refused: its member ${JSON.stringify(name)} points outside of the archive`,
    { file: source.name, member: name },
  );
}

function checkLayout(source: ByteSource, records: ReadonlyMap<string, ZipRecord>, limit: number): void {
  let covered = 0;
  for (const record of [...records.values()].sort((a, b) => a.begin - b.begin || a.size - b.size)) {
    if (record.begin < covered) throw damaged(source, `member '${record.name}' overlaps another one`);
    covered = record.begin + record.size;
    if (covered > limit) throw damaged(source, `member '${record.name}' reaches beyond the data`);
  }
}

function view(source: ByteSource, offset: number, length: number): DataView {
  const bytes = source.read(offset, length);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function damaged(source: ByteSource, reason: string): TorchError {
  return new TorchError(
    'CHECKPOINT_INVALID',
    `${source.name} is not a readable PyTorch checkpoint: ${reason}`,
    {
      file: source.name,
      reason,
    },
  );
}
