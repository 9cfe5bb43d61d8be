import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

interface Stamp {
  readonly key: string;
  readonly finished: boolean;
  readonly result: unknown;
}

/** One short name for everything that a stage's result depends on. */
export function keyOf(parts: unknown): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}

/** Writes a whole file or nothing. */
export async function writeWhole(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.part`, content);
  await rename(`${path}.part`, path);
}

/**
 * Steps of a long command that are not done twice. Each leaves a stamp with the key of what it was made from: the same
 * key again takes the stored result, a begun step continues, and another key does it anew.
 */
export class Stages {
  constructor(
    private readonly folder: string,
    private readonly log: (line: string) => void,
  ) {}

  /**
   * @param work gets whether an earlier attempt with the same key was cut short; `done: false` leaves the stage open
   */
  async run<T>(
    name: string,
    key: string,
    work: (continued: boolean) => Promise<{ done: boolean; result: T }>,
  ): Promise<{ done: boolean; result: T }> {
    const path = join(this.folder, `${name}.json`);
    const before = await readFile(path, 'utf8')
      .then((text) => JSON.parse(text) as Stamp)
      .catch(() => null);
    if (before?.finished && before.key === key) {
      this.log(`${name}: done before`);
      return { done: true, result: before.result as T };
    }
    const continued = before !== null && before.key === key;
    this.log(`${name}${continued ? ': continuing' : ''}`);
    const stamp = (finished: boolean, result: unknown) =>
      writeWhole(path, `${JSON.stringify({ key, finished, result } satisfies Stamp, null, 2)}\n`);
    await stamp(false, null);
    const outcome = await work(continued);
    if (outcome.done) await stamp(true, outcome.result);
    return outcome;
  }
}
