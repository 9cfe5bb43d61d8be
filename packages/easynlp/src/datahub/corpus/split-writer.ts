import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type SplitHeader, WORD_START } from './token-format.js';

const BUFFER = 4 * 1024 * 1024;

/** Appends to one binary file through a buffer, hashing what it writes. */
class BinaryFile {
  readonly #fd: number;
  readonly #hash = createHash('sha256');
  readonly #buffer = Buffer.allocUnsafe(BUFFER);
  #used = 0;
  #bytes = 0;
  #open = true;

  constructor(
    folder: string,
    readonly name: string,
  ) {
    this.#fd = openSync(join(folder, name), 'wx');
  }

  uint8(value: number): void {
    if (this.#used === BUFFER) this.#flush();
    this.#buffer[this.#used++] = value;
  }

  uint16(value: number): void {
    if (this.#used + 2 > BUFFER) this.#flush();
    this.#buffer[this.#used++] = value & 0xff;
    this.#buffer[this.#used++] = value >>> 8;
  }

  uint32(value: number): void {
    this.uint16(value & 0xffff);
    this.uint16(value >>> 16);
  }

  finish(): { name: string; bytes: number; sha256: string } {
    this.#flush();
    fsyncSync(this.#fd);
    this.close();
    return { name: this.name, bytes: this.#bytes, sha256: this.#hash.digest('hex') };
  }

  close(): void {
    if (this.#open) closeSync(this.#fd);
    this.#open = false;
  }

  #flush(): void {
    const data = this.#buffer.subarray(0, this.#used);
    for (let at = 0; at < data.length; ) at += writeSync(this.#fd, data, at);
    this.#hash.update(data);
    this.#bytes += data.length;
    this.#used = 0;
  }
}

/** Writes the files of one split of a token cache. */
export class SplitWriter {
  readonly #tokens: BinaryFile;
  readonly #documents: BinaryFile;
  readonly #words: BinaryFile | null;
  #tokenCount = 0;
  #documentCount = 0;
  #bits = 0;

  constructor(folder: string, prefix: string, wordStarts: 'top-bit' | 'bitmap') {
    this.#tokens = new BinaryFile(folder, `${prefix}.tokens.bin`);
    this.#documents = new BinaryFile(folder, `${prefix}.documents.bin`);
    this.#words = wordStarts === 'bitmap' ? new BinaryFile(folder, `${prefix}.words.bin`) : null;
  }

  get counts(): { tokens: number; documents: number } {
    return { tokens: this.#tokenCount, documents: this.#documentCount };
  }

  /** Appends a document and the [SEP] that ends it. */
  add(ids: ArrayLike<number>, starts: ArrayLike<number>, sep: number): void {
    for (let i = 0; i < ids.length; i++) this.#put(ids[i]!, starts[i]!);
    this.#put(sep, 1);
    this.#documents.uint32(ids.length + 1);
    this.#documentCount++;
  }

  finish(): SplitHeader {
    if (this.#words !== null && (this.#tokenCount & 7) !== 0) this.#words.uint8(this.#bits);
    const files = [this.#tokens, this.#documents, ...(this.#words === null ? [] : [this.#words])];
    return {
      tokens: this.#tokenCount,
      documents: this.#documentCount,
      files: files.map((file) => file.finish()),
    };
  }

  abandon(): void {
    this.#tokens.close();
    this.#documents.close();
    this.#words?.close();
  }

  #put(id: number, start: number): void {
    if (this.#words === null) {
      this.#tokens.uint16(start === 1 ? id | WORD_START : id);
    } else {
      this.#tokens.uint16(id);
      const bit = this.#tokenCount & 7;
      this.#bits |= start << bit;
      if (bit === 7) {
        this.#words.uint8(this.#bits);
        this.#bits = 0;
      }
    }
    this.#tokenCount++;
  }
}
