import { mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { AppendFile } from './append-file.js';
import { maskedCrc32c } from './crc32c.js';
import { type EventContent, encodeEvent, scalarValue, textValue } from './event-proto.js';

export interface TensorBoardOptions {
  /** Continue a run that was saved after this step: TensorBoard drops what earlier files hold beyond it. */
  readonly resumeStep?: number;
  /** Seconds since 1970; for tests. */
  readonly now?: () => number;
  readonly host?: string;
}

const FLUSH_BYTES = 64 * 1024;
const FLUSH_SECONDS = 10;

/** TFRecord framing: length, its checksum, the data, its checksum; all little-endian. */
function frame(data: Buffer): Buffer {
  const record = Buffer.alloc(12 + data.length + 4);
  record.writeBigUInt64LE(BigInt(data.length), 0);
  record.writeUInt32LE(maskedCrc32c(record.subarray(0, 8)), 8);
  data.copy(record, 12);
  record.writeUInt32LE(maskedCrc32c(data), 12 + data.length);
  return record;
}

/**
 * Writes an event file that TensorBoard shows: `events.out.tfevents.<time>.<host>.<pid>.<n>` in `folder`,
 * which is created when missing. Every run writes a file of its own, so nothing is ever overwritten.
 * Records are kept in memory until `flush`, `close`, 64 KiB, or ten seconds after the last write.
 *
 * Errors of the file system (ENOSPC, EACCES) are thrown as Node.js gives them; the file then ends with a
 * whole record.
 *
 * @example
 * const board = new TensorBoardWriter('runs/1');
 * board.scalars({ 'train/loss': 0.43 }, 120);
 * board.close();
 */
export class TensorBoardWriter {
  private readonly file: AppendFile;
  private readonly now: () => number;
  private pending: Buffer[] = [];
  private pendingBytes = 0;
  private flushed: number;

  constructor(
    folder: string,
    { resumeStep, now = () => Date.now() / 1000, host = hostname() }: TensorBoardOptions = {},
  ) {
    this.now = now;
    this.flushed = now();
    mkdirSync(folder, { recursive: true });
    this.file = TensorBoardWriter.create(folder, Math.floor(this.flushed), host);
    this.push(0, { fileVersion: 'brain.Event:2' });
    if (resumeStep !== undefined) this.push(resumeStep + 1, { sessionStart: true });
    this.flush();
  }

  /** Path of the event file. */
  get path(): string {
    return this.file.path;
  }

  private static create(folder: string, seconds: number, host: string): AppendFile {
    const stem = `events.out.tfevents.${String(seconds).padStart(10, '0')}.${host.replace(/[^\w.-]/g, '_')}.${process.pid}`;
    for (let n = 0; ; n++) {
      try {
        return new AppendFile(join(folder, `${stem}.${n}`), { exclusive: true });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  }

  /** One value of one chart; stored as float32. */
  scalar(tag: string, value: number, step: number): void {
    this.scalars({ [tag]: value }, step);
  }

  /** Values of several charts at one step, in one record. */
  scalars(values: Readonly<Record<string, number>>, step: number): void {
    const encoded = Object.entries(values).map(([tag, value]) => scalarValue(tag, value));
    if (encoded.length > 0) this.push(step, { values: encoded });
  }

  /** Markdown for the text page, e.g. the configuration or sample predictions. */
  text(tag: string, text: string, step: number): void {
    this.push(step, { values: [textValue(tag, text)] });
  }

  private push(step: number, content: EventContent): void {
    const time = this.now();
    const record = frame(encodeEvent(time, step, content));
    this.pending.push(record);
    this.pendingBytes += record.length;
    if (this.pendingBytes >= FLUSH_BYTES || time - this.flushed >= FLUSH_SECONDS) this.flush();
  }

  /** Hands everything to the operating system, so that a running TensorBoard sees it. */
  flush(): void {
    if (this.pending.length > 0) {
      // Kept until the write succeeds: after a full disk was cleared, the next flush writes them.
      this.file.append(Buffer.concat(this.pending));
      this.pending = [];
      this.pendingBytes = 0;
    }
    this.flushed = this.now();
  }

  /** Flushes and closes; closing twice is harmless. */
  close(): void {
    try {
      this.flush();
    } finally {
      this.file.close();
    }
  }
}
