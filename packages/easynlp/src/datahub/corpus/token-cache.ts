import { createHash } from 'node:crypto';
import { closeSync, createReadStream, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EasyNlpError } from '../../errors/index.js';
import type { Tokenizer } from '../../text/index.js';
import { vocabularyHash } from './build-token-cache.js';
import { type SourceHeader, SPLIT_FILE, SPLITS, type Split, type TokenCacheHeader } from './token-format.js';

export interface OpenTokenCacheOptions {
  /** Compare the files with their SHA-256 (about 1 GB/s). Default true; sizes are always compared. */
  readonly verify?: boolean;
  /** The tokenizer of the model to be trained: throws DATA_CACHE_MISMATCH when the cache has another's ids. */
  readonly tokenizer?: Tokenizer;
  /** Files up to this many bytes are loaded, larger ones read piece by piece. Default 2 GiB. */
  readonly loadBelow?: number;
}

/** A folder made by `buildTokenCache`, for reading tokens at any position. Not shared between threads. */
export class TokenCache {
  readonly folder: string;
  readonly header: TokenCacheHeader;
  /** SHA-256 over the checksums of all files: identifies the content. */
  readonly id: string;
  readonly #loadBelow: number;
  readonly #readers = new Map<string, ByteReader>();

  private constructor(folder: string, header: TokenCacheHeader, loadBelow: number) {
    this.folder = folder;
    this.header = header;
    this.#loadBelow = loadBelow;
    const sums = SPLITS.flatMap((split) => header.splits[split].files.map(({ sha256 }) => sha256));
    this.id = createHash('sha256')
      .update([header.vocabulary, ...sums].join('\n'))
      .digest('hex');
  }

  /** Throws DATA_CACHE_DAMAGED, DATA_CACHE_MISMATCH. */
  static async open(folder: string, options: OpenTokenCacheOptions = {}): Promise<TokenCache> {
    const cache = TokenCache.openSync(folder, options);
    if (options.verify ?? true) await cache.verify();
    return cache;
  }

  /** As `open`, without reading the files to compare checksums. */
  static openSync(folder: string, options: Omit<OpenTokenCacheOptions, 'verify'> = {}): TokenCache {
    const header = readHeader(folder);
    for (const split of SPLITS) {
      for (const { name, bytes } of header.splits[split].files) {
        const size = statSync(join(folder, name), { throwIfNoEntry: false })?.size;
        if (size === undefined) throw damaged(folder, `the file ${name} is missing`);
        if (size !== bytes) throw damaged(folder, `${name} has ${size} bytes, expected ${bytes}`);
      }
    }
    if (options.tokenizer !== undefined) {
      const now = vocabularyHash(options.tokenizer);
      if (now !== header.vocabulary) {
        throw new EasyNlpError('DATA_CACHE_MISMATCH', {
          folder,
          field: 'vocabulary (SHA-256)',
          before: header.vocabulary.slice(0, 16),
          now: now.slice(0, 16),
        });
      }
    }
    return new TokenCache(folder, header, options.loadBelow ?? 2 ** 31);
  }

  /** Compares every file with its checksum; throws DATA_CACHE_DAMAGED. */
  async verify(): Promise<void> {
    for (const split of SPLITS) {
      for (const { name, sha256 } of this.header.splits[split].files) {
        const hash = createHash('sha256');
        for await (const block of createReadStream(join(this.folder, name), { highWaterMark: 1 << 20 })) {
          hash.update(block as Buffer);
        }
        if (hash.digest('hex') !== sha256) {
          throw damaged(this.folder, `${name} does not have the checksum that was written with it`);
        }
      }
    }
  }

  source(name: string): SourceHeader {
    const found = this.header.sources.find((source) => source.name === name);
    if (found !== undefined) return found;
    const known = this.header.sources.map((source) => source.name).join(', ');
    throw new EasyNlpError('DATA_SOURCE', {
      reason: `the token cache ${this.folder} has no source "${name}"`,
      hint: `Its sources are: ${known}.`,
    });
  }

  /** Tokens by source, for `sourceWeights`. */
  sizes(split: Split = 'train'): Record<string, number> {
    return Object.fromEntries(this.header.sources.map((s) => [s.name, s.splits[split].tokens]));
  }

  /**
   * Copies `count` tokens from position `from` of a split into `ids` (their word-start bits, 0 or 1, into
   * `starts`), beginning at index `at` of both.
   */
  read(split: Split, from: number, count: number, ids: Int32Array, starts: Uint8Array, at = 0): void {
    const prefix = SPLIT_FILE[split];
    if (from < 0 || count < 0 || from + count > this.header.splits[split].tokens) {
      throw new RangeError(
        `Tokens ${from} to ${from + count} are not in the ${prefix} split of ${this.folder}.`,
      );
    }
    const { bytes, offset } = this.#reader(`${prefix}.tokens.bin`).window(from * 2, count * 2);
    if (this.header.wordStarts === 'top-bit') {
      for (let i = 0, b = offset; i < count; i++, b += 2) {
        const high = bytes[b + 1]!;
        ids[at + i] = bytes[b]! | ((high & 0x7f) << 8);
        starts[at + i] = high >>> 7;
      }
      return;
    }
    for (let i = 0, b = offset; i < count; i++, b += 2) ids[at + i] = bytes[b]! | (bytes[b + 1]! << 8);
    const firstByte = from >>> 3;
    const bits = this.#reader(`${prefix}.words.bin`).window(
      firstByte,
      ((from + count + 7) >>> 3) - firstByte,
    );
    for (let i = 0; i < count; i++) {
      const bit = from + i - firstByte * 8;
      starts[at + i] = (bits.bytes[bits.offset + (bit >>> 3)]! >>> (bit & 7)) & 1;
    }
  }

  /** Numbers of tokens of a source's documents, their [SEP] included. */
  documentLengths(split: Split, source: string): Uint32Array {
    const { firstDocument, documents } = this.source(source).splits[split];
    const { bytes, offset } = this.#reader(`${SPLIT_FILE[split]}.documents.bin`).window(
      firstDocument * 4,
      documents * 4,
    );
    const lengths = new Uint32Array(documents);
    const view = new DataView(bytes.buffer, bytes.byteOffset + offset, documents * 4);
    for (let i = 0; i < documents; i++) lengths[i] = view.getUint32(i * 4, true);
    return lengths;
  }

  close(): void {
    for (const reader of this.#readers.values()) reader.close();
    this.#readers.clear();
  }

  #reader(name: string): ByteReader {
    let reader = this.#readers.get(name);
    if (reader === undefined) {
      reader = new ByteReader(join(this.folder, name), this.#loadBelow);
      this.#readers.set(name, reader);
    }
    return reader;
  }
}

/** Bytes of a file, from memory or straight from the file (that is, from the system's page cache). */
class ByteReader {
  readonly #whole: Uint8Array | null;
  readonly #fd: number | null;
  #scratch = new Uint8Array(1 << 12);

  constructor(path: string, loadBelow: number) {
    // 2 GiB is what Node.js reads at once.
    const load = statSync(path).size < Math.min(loadBelow, 2 ** 31);
    this.#whole = load ? readFileSync(path) : null;
    this.#fd = load ? null : openSync(path, 'r');
  }

  /** `length` bytes from `from`, valid until the next call. */
  window(from: number, length: number): { bytes: Uint8Array; offset: number } {
    if (this.#whole !== null) return { bytes: this.#whole, offset: from };
    if (length > this.#scratch.length) this.#scratch = new Uint8Array(length * 2);
    for (let done = 0; done < length; ) {
      const read = readSync(this.#fd!, this.#scratch, done, length - done, from + done);
      if (read === 0) throw new RangeError('The token cache became shorter while it was read.');
      done += read;
    }
    return { bytes: this.#scratch, offset: 0 };
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
  }
}

function readHeader(folder: string): TokenCacheHeader {
  let text: string;
  try {
    text = readFileSync(join(folder, 'header.json'), 'utf8');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw damaged(folder, missing ? 'it has no header.json' : (error as Error).message, error);
  }
  let header: Partial<TokenCacheHeader> | null;
  try {
    header = JSON.parse(text) as Partial<TokenCacheHeader> | null;
  } catch (error) {
    throw damaged(folder, 'header.json is not valid JSON', error);
  }
  if (header?.format !== 'easynlp-token-cache') throw damaged(folder, 'header.json is not of a token cache');
  if (header.version !== 1) throw damaged(folder, `its version is ${header.version}, this program reads 1`);
  const complete =
    Array.isArray(header.sources) && header.special !== undefined && SPLITS.every((s) => header.splits?.[s]);
  if (!complete) throw damaged(folder, 'header.json is incomplete');
  return header as TokenCacheHeader;
}

function damaged(folder: string, reason: string, cause?: unknown): EasyNlpError {
  return new EasyNlpError('DATA_CACHE_DAMAGED', { folder, reason }, { cause });
}
