import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { arch, cpus } from 'node:os';
import { basename, join } from 'node:path';
import { libtorchInfo, numThreads } from '@easynlp/torch';
import { MANIFEST } from '../appzoo/artefact.js';
import { resolveOptions } from '../config/index.js';
import { openUnlabelled } from '../distillation/shared/taught-rows.js';
import { evaluate } from '../predictor/evaluate.js';
import { checkTraining } from '../trainer/check-training.js';
import { type TrainResult, type TrainRunOptions, train } from '../trainer/train.js';
import { VERSION } from '../version.js';
import { measureSpeed } from './measure.js';
import { type LandConfig, type LandOptions, landOptions } from './options.js';
import type { LandingReport, LandingRow } from './report.js';
import { writeReport } from './report-files.js';
import { fingerprint, readStage, type StageRecord, writeStage } from './stage-files.js';
import { planStages, type Stage } from './stages.js';

export type LandRunOptions = Pick<TrainRunOptions, 'signal' | 'log' | 'progress'>;

export interface LandResult extends LandingReport {
  /** Files of the report. */
  readonly files: { readonly json: string; readonly text: string; readonly html: string };
}

/**
 * Landing a large model: it learns the task from few rows with a prompt, then teaches a small model on rows without
 * labels (or on texts made from the few), and a table compares the four models. Every stage's model lies in its own
 * folder under `output` and can be used alone; a stage that is finished is not done again, one that was interrupted
 * goes on where it was.
 *
 * @example
 * const { rows } = await land({
 *   train: 'few.tsv', dev: 'dev.tsv', unlabelled: ['more.tsv'], large: 'bert-small-zh', small: 'bert-tiny-zh',
 *   pattern: '质量很,label,。,text', labelWords: ['差', '好'], output: 'out/landing',
 * });
 */
export async function land(options: LandOptions, run: LandRunOptions = {}): Promise<LandResult> {
  const config = resolveOptions(landOptions, 'land', { flags: options });
  const log = run.log ?? (() => {});
  const stages = await planStages(config);
  await checkStages(config, stages);
  await mkdir(config.output, { recursive: true });
  const records: StageRecord[] = [];
  let previous = '';
  for (const [i, stage] of stages.entries()) {
    run.signal?.throwIfAborted();
    // The student depends on its teacher, so a changed stage makes the later ones due as well.
    previous = fingerprint(stage, config, previous);
    const heading = `${i + 1} of ${stages.length}: ${stage.title}`;
    records.push(await runStage(stage, config, previous, { ...run, log, heading }));
  }
  const report = summarize(config, stages, records);
  return { ...report, files: writeReport(config.output, report) };
}

/** What is wrong with the data or the prompt is told before the first of the trainings, and before anything is written. */
async function checkStages(config: LandConfig, stages: readonly Stage[]): Promise<void> {
  const check = ({ options, folder: output }: Stage, more: { dev?: string } = {}) =>
    checkTraining({ ...options, ...more, output } as unknown as Parameters<typeof checkTraining>[0]);
  for (const stage of stages) {
    const columns = await check(stage);
    if (stage.options.method === 'kd') await openUnlabelled(config, columns);
  }
  if (config.test !== undefined) await check(stages[0]!, { dev: config.test });
}

async function runStage(
  stage: Stage,
  config: LandConfig,
  key: string,
  { heading, ...run }: LandRunOptions & { log: (line: string) => void; heading: string },
): Promise<StageRecord> {
  const kept = readStage(config.output, stage.name);
  const finished = existsSync(join(stage.folder, MANIFEST));
  if (kept?.fingerprint === key && kept.result && finished) {
    run.log(`${heading}: there already`);
    return kept;
  }
  run.log(heading);
  const start = performance.now();
  if (kept?.fingerprint !== key) await rm(stage.folder, { recursive: true, force: true });
  // Written first: an unfinished training may only go on if it is the same one.
  writeStage(config.output, { name: stage.name, fingerprint: key, result: null });
  const trained = await train(
    { ...stage.options, output: stage.folder, resume: 'auto' } as unknown as Parameters<typeof train>[0],
    run,
  );
  if (trained.stopped === 'interrupted') throw interrupted(run.signal);
  const record = { name: stage.name, fingerprint: key, result: await figures(stage, config, trained, start) };
  writeStage(config.output, record);
  return record;
}

/** Aborting is told as everywhere: by the signal's own reason. */
function interrupted(signal: AbortSignal | undefined): unknown {
  return signal?.reason ?? new DOMException('interrupted', 'AbortError');
}

async function figures(
  stage: Stage,
  config: LandConfig,
  trained: TrainResult,
  start: number,
): Promise<NonNullable<StageRecord['result']>> {
  const seconds = (performance.now() - start) / 1000;
  const { device, precision, format, skipFirstLine } = config;
  const machine = { device, precision, ...(config.numThreads ? { numThreads: config.numThreads } : {}) };
  const data = config.test ?? config.dev;
  const { metrics } = await evaluate({
    model: stage.folder,
    data,
    format,
    skipFirstLine,
    ...machine,
    ...(config.schema === undefined ? {} : { schema: config.schema }),
  });
  return {
    metrics,
    steps: trained.steps,
    trainingSeconds: seconds,
    speed: await measureSpeed(stage.folder, data, config),
  };
}

function summarize(
  config: LandConfig,
  stages: readonly Stage[],
  records: readonly StageRecord[],
): LandingReport {
  const rows = stages.map((stage, i): LandingRow => {
    const { metrics, steps, trainingSeconds, speed } = records[i]!.result!;
    return {
      stage: stage.name,
      title: stage.title,
      model: basename(stage.model),
      parameters: speed.parameters,
      accuracy: metrics.accuracy ?? 0,
      metrics,
      millisecondsPerRow: speed.millisecondsPerRow,
      timing: { batchSize: speed.batchSize, rows: speed.rows, repetitions: speed.repetitions },
      steps,
      trainingSeconds,
      folder: stage.folder,
    };
  });
  const of = (name: string) => rows.find((row) => row.stage === name)!;
  return {
    format: 1,
    task: config.app,
    data: {
      train: config.train,
      dev: config.dev,
      measuredOn: config.test ?? config.dev,
      unlabelled: config.unlabelled,
    },
    settings: Object.fromEntries(stages.map(({ name, options }) => [name, options])),
    machine: {
      cpu: cpus()[0]?.model.trim() ?? arch(),
      threads: numThreads(),
      device: config.device,
      precision: config.precision,
    },
    versions: { easynlp: VERSION, libtorch: libtorchInfo().version, node: process.versions.node },
    rows,
    gains: {
      fewshot: of('large-fewshot').accuracy - of('large-finetune').accuracy,
      distillation: of('small-distilled').accuracy - of('small-finetune').accuracy,
      smaller: of('large-fewshot').parameters / of('small-distilled').parameters,
      faster: of('large-fewshot').millisecondsPerRow / of('small-distilled').millisecondsPerRow,
    },
  };
}
