import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { files } from '@easynlp/torch';
import { EasyNlpError } from '../../../errors/index.js';

/** A digest of what a stage depends on. */
export function keyOf(parts: unknown): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}

interface Mark {
  readonly key: string;
  readonly done: boolean;
}

/**
 * Which stages of a training in several stages are done. A stage is done again when what it depends on has changed, and
 * continued when it was interrupted.
 */
export class Stages {
  private constructor(
    readonly folder: string,
    private readonly log: (line: string) => void,
  ) {}

  /** @throws EasyNlpError TRAIN_OUTPUT_EXISTS where an earlier training lies there and is neither continued nor replaced */
  static async open(
    output: string,
    { resume, overwrite }: { resume?: string | undefined; overwrite: boolean },
    log: (line: string) => void,
  ): Promise<Stages> {
    if (resume !== undefined && resume !== 'auto') {
      throw new EasyNlpError('CONFIG_INVALID_VALUE', {
        key: 'resume',
        expected: 'auto: a training in several stages finds for itself where it was',
        got: JSON.stringify(resume),
      });
    }
    const folder = join(output, 'stages');
    if (resume === undefined && existsSync(folder)) {
      if (!overwrite)
        throw new EasyNlpError('TRAIN_OUTPUT_EXISTS', { output, what: 'stages of an earlier training' });
      await rm(folder, { recursive: true, force: true });
    }
    await mkdir(folder, { recursive: true });
    return new Stages(folder, log);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /**
   * Runs a stage unless it is done. `work` gets whether an earlier attempt at the same is to be continued, and says
   * whether it came to its end.
   */
  async run(name: string, key: string, work: (continued: boolean) => Promise<boolean>): Promise<boolean> {
    const path = this.path(`${name}.json`);
    const mark = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Mark) : null;
    const same = mark?.key === key;
    if (same && mark.done) {
      this.log(`${name}: done already`);
      return true;
    }
    const write = (done: boolean) => files.writeFileAtomic(path, `${JSON.stringify({ key, done })}\n`);
    write(false);
    this.log(name);
    if (!(await work(same))) return false;
    write(true);
    return true;
  }
}
