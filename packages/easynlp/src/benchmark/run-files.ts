import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, open, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { VERSION } from '../version.js';
import type { PlannedRun } from './plan.js';
import type { BenchmarkRow, BenchmarkRows, SplitData } from './types.js';

/** Version of the result files. */
const FORMAT = 1;

/** What is kept of a finished run. */
export interface RunResult {
  readonly format: typeof FORMAT;
  readonly suite: string;
  readonly task: string;
  readonly method: string;
  readonly split: string;
  readonly seed: number;
  readonly model: string;
  /** Digest of the weights that the run began with. */
  readonly weights: string | null;
  /** Name of the file that the figures were measured on. */
  readonly evaluatedOn: string;
  readonly rows: { readonly train: number; readonly evaluated: number };
  readonly metric: string;
  /** The metric's value, 0 to 1. */
  readonly score: number;
  readonly metrics: Readonly<Record<string, number | null>>;
  /** What the settings say. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The complete configuration, every default filled in; null for methods of several stages. */
  readonly config: Readonly<Record<string, unknown>> | null;
  readonly steps: number;
  readonly seconds: number;
  readonly finished: string;
  readonly versions: Readonly<Record<string, string>>;
  /** Of everything that the figure depends on. */
  readonly fingerprint: string;
  /** The same without split, seed and data: runs that may share a mean. */
  readonly settings: string;
}

export const runFile = (output: string, { task, method, split, seed }: PlannedRun): string =>
  join(output, 'runs', task.name, method, `${split}-seed${seed}.json`);

/** The finished run in a file; null when there is none, or when it is no result of this program. */
export function readRun(path: string): RunResult | null {
  if (!existsSync(path)) return null;
  try {
    const value = JSON.parse(readFileSync(path, 'utf8')) as RunResult;
    return value.format === FORMAT && typeof value.score === 'number' ? value : null;
  } catch {
    return null;
  }
}

/** Writes beside the target and renames: a file that is there is whole. */
export async function writeWhole(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const beside = `${path}.${process.pid}.part`;
  await writeFile(beside, content);
  await rename(beside, path);
}

export const writeJson = (path: string, value: unknown): Promise<void> =>
  writeWhole(path, `${JSON.stringify(value, null, 2)}\n`);

/** JSON text in pieces: that of a large training set is longer than a string may be. */
function* jsonPieces(value: unknown): Generator<string> {
  if (!Array.isArray(value)) return yield JSON.stringify(value);
  yield '[';
  for (const [i, item] of value.entries()) {
    if (i > 0) yield ',';
    yield* jsonPieces(item);
  }
  yield ']';
}

function digest(value: unknown): string {
  const hash = createHash('sha256');
  for (const piece of jsonPieces(value)) hash.update(piece);
  return hash.digest('hex').slice(0, 16);
}

/** Objects with sorted keys: the order in which settings are written changes nothing. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, v]) => [key, sorted(v)]),
  );
}

export interface RunIdentity {
  readonly suite: string;
  readonly run: PlannedRun;
  readonly model: string;
  /** Digest of its weights; a model that was trained again under the same name is another one. */
  readonly weights: string | null;
  readonly options: Readonly<Record<string, unknown>>;
  readonly evaluatedOn: string;
}

/** Of what runs with a common mean have in common. */
export function settingsFingerprint(identity: RunIdentity): string {
  const { suite, run, model, weights, options, evaluatedOn } = identity;
  // dev_0.json and dev_1.json are the same kind of rows.
  const kind = evaluatedOn.replace(run.split, '');
  const { task, method, view, settings } = run;
  // Defaults of options belong to a version.
  return digest(
    sorted([suite, task.name, method, view, settings.select, model, weights, options, kind, VERSION]),
  );
}

export function runFingerprint(identity: RunIdentity, data: SplitData): string {
  const { split, seed } = identity.run;
  const { train, evaluation, selection, labels, words } = data;
  return digest([
    settingsFingerprint(identity),
    split,
    seed,
    [train, evaluation, selection].map((rows) => rows && [rows.rows, rows.questions ?? null]),
    labels,
    sorted(words),
  ]);
}

/** Writes rows as JSON Lines, unless the file holds them already. */
export async function writeRows(path: string, rows: readonly BenchmarkRow[]): Promise<string> {
  if (await holds(path, rows)) return path;
  await mkdir(dirname(path), { recursive: true });
  const beside = `${path}.${process.pid}.part`;
  await writeFile(beside, blocks(rows));
  await rename(beside, path);
  return path;
}

const BLOCK_ROWS = 4096;

/** The rows as JSON Lines, some thousands at a time: a large training set is longer than a string may be. */
function* blocks(rows: readonly BenchmarkRow[]): Generator<Buffer> {
  for (let i = 0; i < rows.length; i += BLOCK_ROWS) {
    const part = rows.slice(i, i + BLOCK_ROWS);
    yield Buffer.from(`${part.map((row) => JSON.stringify(row)).join('\n')}\n`);
  }
}

async function holds(path: string, rows: readonly BenchmarkRow[]): Promise<boolean> {
  if (!existsSync(path)) return false;
  const file = await open(path);
  try {
    let at = 0;
    for (const block of blocks(rows)) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(block.length), 0, block.length, at);
      if (bytesRead !== block.length || !buffer.equals(block)) return false;
      at += block.length;
    }
    return (await file.stat()).size === at;
  } finally {
    await file.close();
  }
}

/** Files of a split in the form that `train` and `evaluate` read. */
export interface SplitFiles {
  readonly train: string;
  readonly evaluation: string;
  readonly selection: string | null;
  readonly unlabeled: string | null;
}

export async function writeSplit(
  output: string,
  run: PlannedRun,
  data: SplitData,
  { unlabeled }: { readonly unlabeled: boolean },
): Promise<SplitFiles> {
  const folder = join(output, 'data', run.task.name, run.view, run.split);
  const write = async (name: string, rows: BenchmarkRows | null) =>
    rows === null ? null : writeRows(join(folder, `${name}.jsonl`), rows.rows);
  return {
    train: (await write('train', data.train))!,
    evaluation: (await write('evaluation', data.evaluation))!,
    selection: await write('selection', data.selection),
    unlabeled: unlabeled && data.unlabeled ? await write('unlabeled', await data.unlabeled()) : null,
  };
}

/** Where a run's files were, and lists as long as the labels, say nothing about it. */
const LEFT_OUT = ['train', 'dev', 'output', 'resume', 'overwrite', 'labels'];

/** The configuration that a training wrote down. */
export function readConfig(folder: string): RunResult['config'] {
  const path = join(folder, 'training', 'config.yaml');
  if (!existsSync(path)) return null;
  const all = parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  return Object.fromEntries(Object.entries(all).filter(([key]) => !LEFT_OUT.includes(key)));
}
