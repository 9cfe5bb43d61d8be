import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { EasyNlpError } from '../errors/index.js';
import { formatDuration } from '../util/index.js';
import { VERSION } from '../version.js';
import type { BenchmarkRequest, PlannedRun } from './plan.js';
import { answerQuestions } from './questions.js';
import {
  type RunIdentity,
  type RunResult,
  readConfig,
  readRun,
  runFile,
  runFingerprint,
  type SplitFiles,
  settingsFingerprint,
  writeJson,
  writeSplit,
} from './run-files.js';
import type { OptionValues } from './settings.js';
import { knownWords } from './stand-ins.js';
import type { BenchmarkEngine, BenchmarkSuite, SplitData } from './types.js';
import { weightsDigest } from './weights-digest.js';

export interface SuiteRunOptions {
  readonly engine: BenchmarkEngine;
  readonly signal: AbortSignal;
  /** One line a run. */
  readonly log: (line: string) => void;
  /** The trainings' own lines; nowhere by default. */
  readonly trainLog?: (line: string) => void;
}

/**
 * Does every run of the plan whose result is not there yet, and gives the results of all.
 *
 * A finished run is a JSON file; when nothing that its figure depends on has changed, it is not done again. An
 * interrupted training goes on where it was.
 *
 * @throws EasyNlpError INTERRUPTED when the signal was given; what was finished is kept
 */
export async function runSuite(
  suite: BenchmarkSuite,
  request: BenchmarkRequest,
  plan: readonly PlannedRun[],
  options: SuiteRunOptions,
): Promise<RunResult[]> {
  const results: RunResult[] = [];
  const splits = new Map<string, SplitData>();
  const folder = (await options.engine.modelFolder?.(request.model)) ?? request.model;
  const weights = await weightsDigest(folder);
  for (const [i, run] of plan.entries()) {
    const { task, split, view } = run;
    const key = JSON.stringify([task.name, split, view]);
    let data = splits.get(key);
    if (!data) {
      // One split at a time: the runs of a task ask for few, and the unlabelled rows can be many.
      if (splits.size > 16) splits.clear();
      data = await task.load({ data: request.data, split, evaluateOn: request.evaluateOn, view });
      splits.set(key, data);
    }
    const name = `${task.name} ${run.method} split ${split} seed ${run.seed}`;
    const log = (line: string) => options.log(`[${i + 1}/${plan.length}] ${name}: ${line}`);
    const resolved = await withRunData(run, data, request, options.engine);
    const identity: RunIdentity = {
      suite: suite.name,
      run,
      model: request.model,
      weights,
      options: resolved,
      evaluatedOn: basename(data.evaluation.file),
    };
    const fingerprint = runFingerprint(identity, data);
    const file = runFile(request.output, run);
    const before = readRun(file);
    if (before?.fingerprint === fingerprint) {
      log(`${percent(before.score)} (from an earlier run)`);
      results.push(before);
      continue;
    }
    if (before) log('model, settings or data have changed: it is done again');
    interruptible(options.signal);
    const result = await oneRun({ run, data, identity, fingerprint, request }, options);
    await writeJson(file, result);
    results.push(result);
    log(`${percent(result.score)} (${formatDuration(result.seconds)})`);
  }
  return results;
}

const percent = (score: number) => `${(100 * score).toFixed(2)} %`;

function interruptible(signal: AbortSignal): void {
  if (!signal.aborted) return;
  throw new EasyNlpError('INTERRUPTED', {
    what: 'the benchmark',
    hint: 'The same command goes on where it was.',
  });
}

/** Options with `$words` replaced, and what every run has; paths are not among them. */
async function withRunData(
  { task, settings, seed }: PlannedRun,
  data: SplitData,
  request: BenchmarkRequest,
  engine: BenchmarkEngine,
): Promise<OptionValues> {
  const words = { ...data.words, ...settings.words };
  // In a cloze the label is itself what stands in the gap.
  const cloze = Object.keys(data.words).length === 0;
  const labelWords = async () => {
    const found = data.labels.map((label) => {
      const word = words[label] ?? (cloze ? label : undefined);
      if (word !== undefined) return word;
      throw new EasyNlpError('CONFIG_MISSING_VALUE', {
        key: `tasks.${task.name}.words`,
        expected: `a word for the label "${label}"`,
      });
    });
    return cloze ? knownWords(engine, request.model, found) : found;
  };
  const given: [string, unknown][] = [];
  for (const [key, value] of Object.entries(settings.options)) {
    given.push([key, value === '$words' ? await labelWords() : value]);
  }
  return {
    ...Object.fromEntries(given),
    app: settings.options.app ?? task.app,
    method: settings.method,
    model: request.model,
    precision: request.precision,
    ...(data.labels.length > 0 ? { labels: data.labels, labelName: 'label' } : {}),
    format: 'jsonl',
    seed,
    evalStrategy: settings.options.evalStrategy ?? (selects(settings.select, data) ? 'epoch' : 'none'),
    saveStrategy: settings.options.saveStrategy ?? 'none',
  };
}

/** The best epoch is chosen on dev only where the figures come from other rows, unless the settings say otherwise. */
function selects(select: PlannedRun['settings']['select'], data: SplitData): boolean {
  return select === 'dev' || (select === 'auto' && data.selection !== null);
}

interface OneRun {
  readonly run: PlannedRun;
  readonly data: SplitData;
  readonly identity: RunIdentity;
  readonly fingerprint: string;
  readonly request: BenchmarkRequest;
}

async function oneRun(
  { run, data, identity, fingerprint, request }: OneRun,
  { engine, signal, trainLog = () => {} }: SuiteRunOptions,
): Promise<RunResult> {
  const begun = performance.now();
  const files = await writeSplit(request.output, run, data, { unlabeled: usesUnlabeled(identity.options) });
  const { task } = run;
  const folder = join(
    request.output,
    'models',
    task.name,
    run.method,
    `${run.split}-seed${run.seed}-${fingerprint.slice(0, 8)}`,
  );
  const around = { signal, log: trainLog };
  let steps = 0;
  // A folder with a finished model was left by a run that ended before its evaluation.
  if (!existsSync(join(folder, 'easynlp.json'))) {
    const trained = await engine.train(
      {
        ...withFiles(identity.options, files),
        ...trainFiles(run, data, files),
        ...request.machine,
        output: folder,
        resume: 'auto',
      },
      around,
    );
    if (trained.stopped === 'interrupted') interruptible(signal);
    steps = trained.steps;
  }
  const metrics = await measure({ data, files, folder, request }, engine, around);
  const score = metrics[task.metric];
  if (typeof score !== 'number') {
    throw new EasyNlpError('CONFIG_INVALID_VALUE', {
      key: `metric of ${task.name}`,
      expected: `one of ${Object.keys(metrics).join(', ')}`,
      got: task.metric,
    });
  }
  const config = readConfig(folder);
  if (!request.keepModels) await rm(folder, { recursive: true, force: true });
  const { train, evaluation } = data;
  const { labels: _, ...shown } = identity.options;
  return {
    format: 1,
    suite: identity.suite,
    task: task.name,
    method: run.method,
    split: run.split,
    seed: run.seed,
    model: request.model,
    weights: identity.weights,
    evaluatedOn: identity.evaluatedOn,
    rows: {
      train: train.questions?.length ?? train.rows.length,
      evaluated: evaluation.questions?.length ?? evaluation.rows.length,
    },
    metric: task.metric,
    score,
    metrics,
    options: shown,
    config,
    steps,
    seconds: (performance.now() - begun) / 1000,
    finished: new Date().toISOString(),
    versions: { easynlp: VERSION, node: process.versions.node },
    fingerprint,
    settings: settingsFingerprint(identity),
  };
}

const UNLABELED = '$unlabeled';

const usesUnlabeled = (options: OptionValues): boolean =>
  Object.values(options).some(
    (value) => value === UNLABELED || (Array.isArray(value) && value.includes(UNLABELED)),
  );

/** `$unlabeled` in the settings stands for the task's file; where there is none, the option is left out. */
function withFiles(options: OptionValues, { unlabeled }: SplitFiles): OptionValues {
  const value = (given: unknown): unknown => {
    if (given === UNLABELED) return unlabeled;
    if (!Array.isArray(given) || !given.includes(UNLABELED)) return given;
    const items = given
      .map((item) => (item === UNLABELED ? unlabeled : item))
      .filter((item) => item !== null);
    return items.length > 0 ? items : null;
  };
  return Object.fromEntries(
    Object.entries(options)
      .map(([key, given]): [string, unknown] => [key, value(given)])
      .filter(([, given]) => given !== null),
  );
}

function trainFiles({ settings }: PlannedRun, data: SplitData, files: SplitFiles): OptionValues {
  const dev = selects(settings.select, data) ? (files.selection ?? files.evaluation) : null;
  return { train: files.train, ...(dev === null ? {} : { dev }) };
}

async function measure(
  { data, files, folder, request }: Pick<OneRun, 'data' | 'request'> & { files: SplitFiles; folder: string },
  engine: BenchmarkEngine,
  around: { signal: AbortSignal; log: (line: string) => void },
): Promise<Readonly<Record<string, number | null>>> {
  const machine = { ...request.machine, precision: request.precision };
  const { questions, rows } = data.evaluation;
  if (!questions) {
    const { metrics } = await engine.evaluate(
      { model: folder, data: files.evaluation, format: 'jsonl', ...machine },
      around,
    );
    return metrics;
  }
  const model = await engine.pipeline(undefined, folder, machine);
  try {
    return { accuracy: await answerQuestions(model, rows, questions) };
  } finally {
    model.dispose();
  }
}
