import { closeSync, fdatasyncSync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs';

/**
 * A file that grows by whole records: when a write fails half way (disk full), what was written of it is
 * removed again before the error is thrown, so that readers never meet half a record.
 */
export class AppendFile {
  private descriptor: number | null;
  private length: number;

  /** @param exclusive fail with EEXIST instead of appending to a file that is there already. */
  constructor(
    readonly path: string,
    { exclusive = false }: { exclusive?: boolean } = {},
  ) {
    this.descriptor = openSync(path, exclusive ? 'ax' : 'a', 0o644);
    this.length = fstatSync(this.descriptor).size;
  }

  append(bytes: Uint8Array): void {
    const descriptor = this.open();
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(descriptor, bytes, written);
    } catch (error) {
      if (written > 0) ftruncateSync(descriptor, this.length);
      throw error;
    }
    this.length += bytes.length;
  }

  /** Waits until the disk has everything. */
  sync(): void {
    fdatasyncSync(this.open());
  }

  /** Closing twice is harmless. */
  close(): void {
    if (this.descriptor === null) return;
    const descriptor = this.descriptor;
    this.descriptor = null;
    closeSync(descriptor);
  }

  private open(): number {
    if (this.descriptor === null) throw new Error(`${this.path} is closed already.`);
    return this.descriptor;
  }
}
