import type { ByteSource } from './byte-source.js';
import { PickleError } from './pickle-values.js';

const WINDOW = 1 << 18;
const NEWLINE = 0x0a;
const MAX_LINE = 1 << 20;

/**
 * Sequential reading of a part of a file through a small window: older checkpoints are pickles followed by gigabytes
 * of raw data, with nothing that says where the pickle ends. Every length is checked against the end before
 * anything is allocated.
 */
export class PickleCursor {
  #window: Uint8Array = new Uint8Array(0);
  #view = new DataView(this.#window.buffer);
  #start: number;
  #at = 0;

  constructor(
    private readonly source: ByteSource,
    start = 0,
    private readonly end = source.size,
  ) {
    this.#start = start;
  }

  /** Offset in the file of the next byte. */
  get position(): number {
    return this.#start + this.#at;
  }

  /** Fails unless `length` more bytes exist. */
  require(length: number): void {
    if (!(length >= 0 && length <= this.end - this.position)) {
      throw new PickleError(`${length} bytes needed, ${this.end - this.position} left`, this.position);
    }
  }

  u8(): number {
    // `#take` may replace the view: it must come first.
    const at = this.#take(1);
    return this.#view.getUint8(at);
  }

  u16(): number {
    const at = this.#take(2);
    return this.#view.getUint16(at, true);
  }

  i32(): number {
    const at = this.#take(4);
    return this.#view.getInt32(at, true);
  }

  u32(): number {
    const at = this.#take(4);
    return this.#view.getUint32(at, true);
  }

  /** A 64-bit length. Values beyond 2⁵³ become inexact, but no file is that long. */
  u64(): number {
    const at = this.#take(8);
    return Number(this.#view.getBigUint64(at, true));
  }

  /** Big-endian, as pickle has it. */
  f64(): number {
    const at = this.#take(8);
    return this.#view.getFloat64(at, false);
  }

  /** A copy of the next bytes. */
  bytes(length: number): Uint8Array {
    if (length <= WINDOW) {
      this.require(length);
      const at = this.#take(length);
      return this.#window.slice(at, at + length);
    }
    this.require(length);
    const bytes = this.source.read(this.position, length);
    this.#start = this.position + length;
    this.#reset(new Uint8Array(0));
    return bytes;
  }

  /** The bytes up to the next newline, without it. */
  line(): Uint8Array {
    const parts: number[] = [];
    for (let byte = this.u8(); byte !== NEWLINE; byte = this.u8()) {
      if (parts.length >= MAX_LINE)
        throw new PickleError(`a line longer than ${MAX_LINE} bytes`, this.position);
      parts.push(byte);
    }
    return Uint8Array.from(parts);
  }

  #take(length: number): number {
    if (this.#at + length > this.#window.length) {
      this.require(length);
      this.#start = this.position;
      this.#reset(this.source.read(this.#start, Math.min(WINDOW, this.end - this.#start)));
    }
    const at = this.#at;
    this.#at += length;
    return at;
  }

  #reset(window: Uint8Array): void {
    this.#window = window;
    this.#view = new DataView(window.buffer, window.byteOffset, window.byteLength);
    this.#at = 0;
  }
}
