import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import ts from 'typescript';
import { afterAll } from 'vitest';
import type { TrainOptions } from '../config/index.js';
import { type TrainResult, type TrainRunOptions, train } from './train.js';

/** What the tests of the trainer share: tiny trainings, what they leave behind, and processes of their own. */

export const SLOW = process.env.EASYNLP_SLOW_TESTS === '1';
const packages = fileURLToPath(new URL('../../..', import.meta.url));
const samples = join(packages, 'easynlp/samples/reviews');

/** A folder that is removed after the file's tests. */
export function workFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `easynlp-${name}-`));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The header and the first rows of the project's sample. */
export function sampleFile(path: string, rows: number, from = 0, file = 'train.tsv'): string {
  const [header, ...lines] = readFileSync(join(samples, file), 'utf8').split('\n');
  writeFileSync(path, `${[header, ...lines.slice(from, from + rows)].join('\n')}\n`);
  return path;
}

export type Kind = 'bert' | 'text-cnn';
export const KINDS: readonly Kind[] = ['bert', 'text-cnn'];

/** Options of a model that trains in milliseconds, with dropout. */
export function tiny(kind: Kind, options: Omit<TrainOptions, 'train' | 'output'> = {}) {
  const sizes =
    kind === 'bert'
      ? { layers: 2, hiddenSize: 32, heads: 2, intermediateSize: 64, dropout: 0.2 }
      : { embeddingSize: 16, convDim: 8, dropout: 0.3 };
  return {
    architecture: kind,
    ...sizes,
    sequenceLength: 24,
    batchSize: 10,
    learningRate: 3e-3,
    loggingSteps: 1,
    device: 'cpu',
    numThreads: 1,
    ...options,
  } as const satisfies Partial<TrainOptions>;
}

export interface Run {
  readonly result: TrainResult;
  /** Loss of every step, by step. */
  readonly losses: Map<number, number>;
  readonly rates: Map<number, number>;
}

/** Trains, interrupting after step `stopAt`. */
export async function runTrain(
  options: TrainOptions,
  stopAt: number | null = null,
  hooks: TrainRunOptions = {},
): Promise<Run> {
  const stop = new AbortController();
  const losses = new Map<number, number>();
  const rates = new Map<number, number>();
  const result = await train(options, {
    signal: stop.signal,
    ...hooks,
    onStep: (info) => {
      losses.set(info.step, info.loss());
      rates.set(info.step, info.learningRate);
      hooks.onStep?.(info);
      if (info.step === stopAt) stop.abort();
    },
  });
  return { result, losses, rates };
}

const digest = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

export const checkpointsOf = (output: string) => {
  const folder = join(output, 'training', 'checkpoints');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /^step-\d+$/.test(name))
    .sort()
    .map((name) => join(folder, name));
};

/** Lines of metrics.jsonl without the readings of clocks. */
export const metricsOf = (output: string) =>
  readFileSync(join(output, 'training', 'metrics.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => {
      const { time: _, ...record } = JSON.parse(line) as Record<string, unknown>;
      return JSON.stringify(record);
    });

/** Digests of everything that two equal trainings must leave equal. */
export function remains(output: string, { checkpoint = true } = {}): Record<string, unknown> {
  const last = checkpointsOf(output).at(-1);
  const state: Record<string, unknown> = {};
  if (checkpoint && last !== undefined) {
    const stored = JSON.parse(readFileSync(join(last, 'state.json'), 'utf8')) as Record<string, unknown>;
    Object.assign(state, { last: last.slice(-13), state: stored.state, extra: stored.extra });
    for (const name of readdirSync(last))
      if (name.endsWith('.safetensors')) state[name] = digest(join(last, name));
  }
  return {
    ...state,
    published: digest(join(output, 'model.safetensors')),
    manifest: readFileSync(join(output, 'easynlp.json'), 'utf8'),
    metrics: metricsOf(output),
  };
}

/**
 * The sources as plain JavaScript in `folder`, so that `node` runs them in a process of their own without depending
 * on a build: `easynlp/dist`, `easynlp/bin`, and `@easynlp/torch` with this checkout's addon.
 */
export function compileTree(folder: string): { cli: string; entry: string } {
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, '@easynlp'), { recursive: true });
  for (const name of readdirSync(join(packages, '../node_modules'))) {
    if (name.startsWith('.') || name === '@easynlp' || name === 'easynlp') continue;
    symlinkSync(join(packages, '../node_modules', name), join(modules, name));
  }
  for (const [name, target] of [
    ['torch', join(modules, '@easynlp/torch')],
    ['easynlp', join(folder, 'easynlp')],
  ] as const) {
    transpile(join(packages, name, 'src'), join(target, 'dist'));
    cpSync(join(packages, name, 'package.json'), join(target, 'package.json'));
  }
  symlinkSync(join(packages, 'torch/build'), join(modules, '@easynlp/torch/build'));
  cpSync(join(packages, 'easynlp/bin'), join(folder, 'easynlp/bin'), { recursive: true });
  const entry = join(folder, 'child.mjs');
  writeFileSync(entry, CHILD);
  return { cli: join(folder, 'easynlp/bin/easynlp.js'), entry };
}

function transpile(from: string, to: string): void {
  const compilerOptions: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    verbatimModuleSyntax: true,
  };
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    if (entry.isDirectory()) transpile(source, join(to, entry.name));
    else if (/\.ts$/.test(entry.name) && !/\.(test|fixture)\.ts$/.test(entry.name)) {
      const { outputText } = ts.transpileModule(readFileSync(source, 'utf8'), {
        fileName: source,
        compilerOptions,
      });
      writeFileSync(join(to, entry.name.replace(/\.ts$/, '.js')), outputText);
    }
  }
}

/** Trains in a bare process; prints the losses. `stopAt` interrupts, `announce` prints a line at every step. */
const CHILD = `
import { writeSync } from 'node:fs';
import { train } from './easynlp/dist/index.js';
const { options, stopAt, announce } = JSON.parse(process.argv[2]);
const stop = new AbortController();
const losses = [];
const print = (value) => writeSync(1, JSON.stringify(value) + '\\n');
try {
  const result = await train(options, {
    signal: stop.signal,
    onStep: (info) => {
      losses.push([info.step, info.loss()]);
      if (announce) print({ step: info.step });
      if (info.step === stopAt) stop.abort();
    },
    onCheckpoint: (info) => announce && print({ checkpoint: info.step }),
  });
  print({ losses, result });
} catch (error) {
  print({ error: { code: error.code ?? null, message: error.message, exitCode: error.exitCode ?? null } });
}
`;

export interface ChildResult {
  readonly losses?: [number, number][];
  readonly result?: TrainResult;
  readonly error?: { code: string | null; message: string; exitCode: number | null };
}

/** `runTrain` in a new process; `uid` runs it as somebody without root's rights. */
export async function trainInChild(
  entry: string,
  options: TrainOptions,
  stopAt: number | null = null,
  spawn: { uid?: number } = {},
): Promise<ChildResult> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [entry, JSON.stringify({ options, stopAt })],
    {
      cwd: dirname(entry),
      ...spawn,
    },
  );
  return JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as ChildResult;
}
