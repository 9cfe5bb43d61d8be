import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { VERSION } from '../version.js';
import { type RunResult, readRun } from './run-files.js';
import type { BenchmarkSuite, PublishedTable } from './types.js';

/** Figures of a method on a task. */
export interface MethodFigures {
  readonly task: string;
  readonly method: string;
  readonly metric: string;
  /** Mean over splits and seeds, 0 to 1. */
  readonly mean: number;
  /** Standard deviation over the same runs, n − 1 in the denominator; null for a single run. */
  readonly std: number | null;
  readonly evaluatedOn: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
  /** The complete configuration of the first run. */
  readonly config: RunResult['config'];
  readonly weights: string | null;
  readonly versions: Readonly<Record<string, string>>;
  readonly seconds: number;
  readonly runs: readonly { readonly split: string; readonly seed: number; readonly score: number }[];
}

/** Everything a table is made of; `results.json`. */
export interface BenchmarkReport {
  readonly suite: string;
  readonly title: string;
  readonly model: string;
  readonly date: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly tasks: readonly string[];
  readonly methods: readonly string[];
  readonly figures: readonly MethodFigures[];
  readonly published: PublishedTable | null;
}

export const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** With n − 1 in the denominator; null below two values. */
export function standardDeviation(values: readonly number[]): number | null {
  if (values.length < 2) return null;
  const m = mean(values);
  return Math.sqrt(values.reduce((sum, v) => sum + (v - m) ** 2, 0) / (values.length - 1));
}

/**
 * Results of the runs that were asked for, with what earlier calls left in the same folder for other methods and tasks
 * of the same model. Runs with different settings are never averaged: the newest ones count.
 */
export function makeReport(
  suite: BenchmarkSuite,
  model: string,
  output: string,
  asked: readonly RunResult[],
): BenchmarkReport {
  const key = ({ task, method }: RunResult) => JSON.stringify([task, method]);
  const groups = new Map<string, RunResult[]>();
  for (const result of asked) groups.set(key(result), [...(groups.get(key(result)) ?? []), result]);
  const settled = new Set(groups.keys());
  for (const result of earlierRuns(output)) {
    if (result.suite !== suite.name || result.model !== model || settled.has(key(result))) continue;
    groups.set(key(result), [...(groups.get(key(result)) ?? []), result]);
  }
  const figures = [...groups].map(([name, runs]) => figuresOf(settled.has(name) ? runs : sameSettings(runs)));
  const order = suite.tasks.map((t) => t.name);
  const tasks = order.filter((name) => figures.some((f) => f.task === name));
  return {
    suite: suite.name,
    title: suite.title,
    model,
    date: new Date().toISOString(),
    versions: { easynlp: VERSION, node: process.versions.node },
    tasks,
    methods: [...new Set(figures.map((f) => f.method))],
    figures: figures.sort((a, b) => order.indexOf(a.task) - order.indexOf(b.task)),
    published: suite.published,
  };
}

function figuresOf(runs: readonly RunResult[]): MethodFigures {
  const [first] = runs as [RunResult];
  const scores = runs.map((r) => r.score);
  const { seed: _, ...options } = first.options;
  return {
    task: first.task,
    method: first.method,
    metric: first.metric,
    mean: mean(scores),
    std: standardDeviation(scores),
    evaluatedOn: [...new Set(runs.map((r) => r.evaluatedOn))],
    options,
    config: first.config,
    weights: first.weights,
    versions: first.versions,
    seconds: runs.reduce((sum, r) => sum + r.seconds, 0),
    runs: runs.map(({ split, seed, score }) => ({ split, seed, score })),
  };
}

function sameSettings(runs: readonly RunResult[]): RunResult[] {
  const newest = runs.reduce((a, b) => (a.finished > b.finished ? a : b));
  return runs.filter((r) => r.settings === newest.settings);
}

function earlierRuns(output: string): RunResult[] {
  const folder = join(output, 'runs');
  if (!existsSync(folder)) return [];
  return (readdirSync(folder, { recursive: true }) as string[])
    .filter((name) => name.endsWith('.json'))
    .sort()
    .flatMap((name) => readRun(join(folder, name)) ?? []);
}
