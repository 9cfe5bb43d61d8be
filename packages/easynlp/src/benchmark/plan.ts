import { EasyNlpError } from '../errors/index.js';
import { nearest } from '../util/index.js';
import { type RunSettings, type SuiteSettings, settingsOf } from './settings.js';
import type { BenchmarkSuite, BenchmarkTask, EvaluateOn } from './types.js';

/** What a person asks for; empty lists mean the suite's own. */
export interface BenchmarkRequest {
  readonly data: string;
  readonly model: string;
  readonly output: string;
  readonly methods: readonly string[];
  readonly tasks: readonly string[];
  readonly splits: readonly string[];
  readonly seeds: readonly number[];
  readonly evaluateOn: EvaluateOn;
  /** Which of the settings' profiles the model belongs to. */
  readonly profile: string;
  readonly settings: SuiteSettings;
  readonly precision: string;
  /** Options about the machine (device, threads): a run that is done stays done on another one. */
  readonly machine: Readonly<Record<string, unknown>>;
  readonly keepModels: boolean;
}

/** One training and its evaluation. */
export interface PlannedRun {
  readonly task: BenchmarkTask;
  readonly method: string;
  readonly split: string;
  readonly seed: number;
  readonly view: string;
  readonly settings: RunSettings;
}

interface NamedMethod {
  readonly name: string;
}

/**
 * Every run of a request, in the order in which they are done.
 *
 * @throws EasyNlpError for tasks, splits, methods and views that do not exist, before anything is read
 */
export function planRuns(
  suite: BenchmarkSuite,
  request: BenchmarkRequest,
  methodsOf: (app: string) => readonly NamedMethod[],
): PlannedRun[] {
  const { settings, profile } = request;
  const names = suite.tasks.map((t) => t.name);
  const tasks = (request.tasks.length > 0 ? request.tasks : names).map((name) => {
    const found = suite.tasks.find((t) => t.name === name);
    if (found) return found;
    throw unknown('--tasks', `${suite.title} has no task "${name}"`, name, names);
  });
  const splits = request.splits.length > 0 ? request.splits : suite.splits;
  const runs: PlannedRun[] = [];
  for (const task of tasks) {
    const known = [...new Set([...methodsOf(task.app).map((m) => m.name), ...Object.keys(settings.methods)])];
    for (const method of request.methods) {
      const run = settingsOf(settings, { task: task.name, method, profile });
      // A variation needs the method that it varies.
      const available = methodsOf(task.app).some((m) => m.name === run.method);
      if (!available) {
        const names = known.filter((name) => {
          const base = settingsOf(settings, { task: task.name, method: name, profile }).method;
          return methodsOf(task.app).some((m) => m.name === base);
        });
        throw new EasyNlpError('METHOD_UNKNOWN', {
          app: task.app,
          name: method,
          known: names,
          suggestion: nearest(method, names) ?? undefined,
        });
      }
      const view = run.view ?? task.views[0]!;
      if (!task.views.includes(view)) {
        throw new EasyNlpError('CONFIG_INVALID_VALUE', {
          key: `view (${task.name}, ${method})`,
          expected: `one of ${task.views.join(', ')}`,
          got: JSON.stringify(view),
        });
      }
      for (const split of splits) {
        for (const seed of request.seeds) runs.push({ task, method, split, seed, view, settings: run });
      }
    }
  }
  return runs;
}

/** A value of a flag that is none of those known. */
export function unknown(flag: string, problem: string, name: string, names: readonly string[]): EasyNlpError {
  return new EasyNlpError('CLI_BAD_FLAG', {
    flag,
    problem,
    suggestion: nearest(name, names) ?? undefined,
    ...(nearest(name, names) ? {} : { hint: `Known: ${names.join(', ')}.` }),
  });
}
