import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppendFile } from './append-file.js';

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/**
 * One line of metrics.jsonl. Everything outside `time` must be the same in every run with the same seed and
 * data; clock readings and speeds belong under `time`.
 */
export interface MetricsRecord {
  /** Optimizer steps done when the line was written. */
  readonly step: number;
  /** What the line reports, e.g. `train`, `evaluate`, `checkpoint`. */
  readonly event: string;
  readonly time?: { readonly [key: string]: JsonValue };
  readonly [field: string]: JsonValue | undefined;
}

/**
 * Appends JSON lines, each in one write.
 *
 * Resuming at step S first removes every line with a larger step and a line that a crash cut short, so that
 * the file ends up with the lines of a run that was never interrupted. For that, write the lines of step S
 * and call `sync` before saving the checkpoint of step S.
 *
 * Errors of the file system are thrown as Node.js gives them; the file then still ends with a whole line.
 */
export class MetricsLog {
  private constructor(private readonly file: AppendFile) {}

  /**
   * @param path usually `<output>/metrics.jsonl`; its folder is created when missing
   * @param resumeStep keep the lines up to this step; null starts an empty file
   * @param keep of those, the lines to keep: a crash may have left some that were written after the checkpoint
   */
  static async open(
    path: string,
    {
      resumeStep,
      keep = () => true,
    }: { resumeStep: number | null; keep?: (record: MetricsRecord) => boolean },
  ): Promise<MetricsLog> {
    await mkdir(dirname(path), { recursive: true });
    if (resumeStep === null) {
      await truncate(path).catch(ignoreMissing);
    } else {
      await dropAfter(path, (record) => record.step <= resumeStep && keep(record));
    }
    return new MetricsLog(new AppendFile(path));
  }

  get path(): string {
    return this.file.path;
  }

  /** Appends one line: `step` and `event` first, `time` last. Numbers that JSON lacks (NaN, ±∞) become null. */
  write({ step, event, time, ...fields }: MetricsRecord): void {
    const line = JSON.stringify({ step, event, ...fields, ...(time === undefined ? {} : { time }) });
    this.file.append(Buffer.from(`${line}\n`, 'utf8'));
  }

  /** Waits until the disk has every line. */
  sync(): void {
    this.file.sync();
  }

  /** Closing twice is harmless. */
  close(): void {
    this.file.close();
  }
}

/**
 * Reads metrics.jsonl; lines that are not a whole record are left out. A missing file has no lines.
 */
export async function* readMetrics(path: string): AsyncGenerator<MetricsRecord> {
  for await (const { record } of lines(path)) if (record !== null) yield record;
}

/** Lines of a file; not with node:readline, which also breaks at U+2028 and loses the input's errors. */
async function* lines(path: string): AsyncGenerator<{ text: string; record: MetricsRecord | null }> {
  let rest = '';
  try {
    for await (const chunk of createReadStream(path, 'utf8')) {
      const parts = (rest + chunk).split('\n');
      rest = parts.pop()!;
      for (const text of parts) yield { text, record: parse(text) };
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  if (rest !== '') yield { text: rest, record: parse(rest) };
}

function parse(text: string): MetricsRecord | null {
  try {
    const value = JSON.parse(text) as MetricsRecord | null;
    return typeof value === 'object' && Number.isInteger(value?.step) ? value : null;
  } catch {
    return null;
  }
}

async function dropAfter(path: string, keep: (record: MetricsRecord) => boolean): Promise<void> {
  // A copy that replaces the file at once: a crash in between leaves the old file.
  const temporary = `${path}.${process.pid}.tmp`;
  let source = false;
  const target = await open(temporary, 'w', 0o644);
  try {
    let block = '';
    for await (const { text, record } of lines(path)) {
      source = true;
      if (record === null || !keep(record)) continue;
      block += `${text}\n`;
      if (block.length > 1 << 16) {
        await target.appendFile(block);
        block = '';
      }
    }
    if (source) {
      await target.appendFile(block);
      await target.sync();
    }
    await target.close();
    if (source) await rename(temporary, path);
  } finally {
    await target.close().catch(() => undefined);
    await rm(temporary, { force: true });
  }
}

function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
