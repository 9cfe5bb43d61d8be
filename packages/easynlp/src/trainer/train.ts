import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { amp, files, manualSeed, type Tensor, TorchError } from '@easynlp/torch';
import { stringify } from 'yaml';
import type { App, AppContext, AppModel, TrainingData } from '../appzoo/app.js';
import { MANIFEST, publishArtefact, writeArtefact } from '../appzoo/artefact.js';
import type { Evaluation } from '../appzoo/evaluate.js';
import type { LoadedApp } from '../appzoo/inference.js';
import { appOf, getApp } from '../appzoo/registry.js';
import { openRuntime } from '../appzoo/runtime.js';
import {
  DEFAULT_APP,
  DEFAULT_METHOD,
  parseConfig,
  type TrainConfig,
  type TrainOptions,
} from '../config/index.js';
import { EasyNlpError } from '../errors/index.js';
import { longestText, type ModelConfig } from '../modelzoo/index.js';
import { nearest } from '../util/index.js';
import { buildModel } from './build-model.js';
import { buildOptimizer, buildSchedule, trainedGroups } from './build-optimizer.js';
import { CheckpointStore } from './checkpoint.js';
import { dataFacts } from './data-facts.js';
import type { TrainerHooks } from './hooks.js';
import { labelledRows, openTables } from './labelled-rows.js';
import { getMethod, type Method, type MethodContext, trainOptionsOf } from './method.js';
import { fineTuneObjective, type Objective } from './objective.js';
import { oneAtATime } from './one-at-a-time.js';
import { restore } from './restore.js';
import { findResume } from './resume.js';
import { RunLog } from './run-log.js';
import type { ProgressStream } from './tracking/index.js';
import { Trainer } from './trainer.js';
import { captureRng, initialState } from './training-state.js';

/** Things around a training that are not part of its configuration. */
export interface TrainRunOptions extends TrainerHooks {
  /** Aborting saves a checkpoint and ends training after the current step. */
  readonly signal?: AbortSignal;
  /** Where lines for people go. Default: nowhere. */
  readonly log?: (line: string) => void;
  /** Where the progress line is drawn. Default: nowhere. */
  readonly progress?: ProgressStream;
  /** What is minimized, instead of what the method would make. */
  readonly objective?: (context: MethodContext) => Promise<Objective> | Objective;
}

export interface TrainResult {
  /** Folder of the trained model. */
  readonly output: string;
  /** Step whose model was kept; null without validation data. */
  readonly bestStep: number | null;
  /** Validation figures of that model. */
  readonly metrics: Readonly<Record<string, number | null>>;
  readonly steps: number;
  readonly epochs: number;
  readonly stopped: 'finished' | 'early' | 'interrupted';
}

/** Errors of the file system while writing become one that names the place; all others stay as they are. */
function writeError(error: unknown, output: string): unknown {
  const { code, path, syscall } = error as NodeJS.ErrnoException;
  const torch = error instanceof TorchError && code === 'IO_ERROR';
  if (!torch && typeof syscall !== 'string') return error;
  const place = torch ? error.details.path : path;
  return new EasyNlpError(
    'TRAIN_OUTPUT',
    { output: place ?? output, reason: (error as Error).message },
    { cause: error },
  );
}

/** Longer inputs than this have no position embeddings; without the check they fail in the middle of training. */
function checkPositions(model: AppModel, config: TrainConfig): void {
  const own = (model as { config?: ModelConfig }).config;
  const positions = own ? longestText(own) : null;
  if (positions === null || config.sequenceLength <= positions) return;
  throw new EasyNlpError('CONFIG_INVALID_VALUE', {
    key: 'sequenceLength',
    expected: `at most ${positions}, the positions that the model has`,
    got: String(config.sequenceLength),
  });
}

/** Refuses to write over somebody's model: before any work is done, and once more before anything is removed. */
async function refuseOccupied({ output, resume, overwrite }: TrainConfig): Promise<void> {
  if (resume !== undefined || overwrite) return;
  const names = await readdir(output).catch((): string[] => []);
  const what = names.includes(MANIFEST)
    ? 'a trained model'
    : names.includes('training')
      ? 'an unfinished training'
      : null;
  if (what !== null) throw new EasyNlpError('TRAIN_OUTPUT_EXISTS', { output, what });
}

/** Makes the output folder, emptied of an earlier training; file-system errors become ones that name it. */
async function prepareOutput(config: TrainConfig): Promise<void> {
  const { output } = config;
  const training = join(output, 'training');
  try {
    await mkdir(output, { recursive: true });
    await refuseOccupied(config);
    if (config.resume === undefined) {
      await rm(join(output, MANIFEST), { force: true });
      await rm(training, { recursive: true, force: true });
    }
    await mkdir(training, { recursive: true });
    await writeFile(join(training, 'config.yaml'), stringify(config));
  } catch (cause) {
    if (EasyNlpError.isInstance(cause)) throw cause;
    throw writeError(cause, output);
  }
}

/**
 * Trains a model as the configuration says and leaves it in `output`, ready for `pipeline()`, `evaluate()` and
 * Python's `transformers`. Trainings of one process run one after another, since they share the random number generators.
 *
 * @example
 * const result = await train({ train: 'train.tsv', dev: 'dev.tsv', architecture: 'text-cnn', output: 'out/model' });
 * console.log(result.metrics.accuracy);
 */
export async function train(
  options: TrainOptions & Readonly<Record<string, unknown>>,
  run: TrainRunOptions = {},
): Promise<TrainResult> {
  return start(options, run, { isStage: false });
}

/** @param isStage of a method of several stages, which knows what its data are good for */
async function start(
  options: TrainOptions & Readonly<Record<string, unknown>>,
  run: TrainRunOptions,
  { isStage }: { isStage: boolean },
): Promise<TrainResult> {
  const app = getApp(options.app ?? DEFAULT_APP);
  const method = getMethod(options.method ?? DEFAULT_METHOD, app.name);
  const config = parseConfig('train', options, trainOptionsOf(app, method)) as TrainConfig;
  if (method.run) {
    return method.run(config, run, (own, runOfStage = {}) => start(own, runOfStage, { isStage: true }));
  }
  const owned: { dispose(): void }[] = [];
  try {
    const own = <T extends { dispose(): void }>(thing: T): T => {
      owned.push(thing);
      return thing;
    };
    return await oneAtATime(() => runTraining({ base: app, method, config, isStage }, run, own), run);
  } finally {
    // Whatever way training ends, no tensor outlives it.
    for (const thing of owned.reverse()) thing.dispose();
  }
}

async function runTraining(
  { base, method, config, isStage }: { base: App; method: Method; config: TrainConfig; isStage: boolean },
  run: TrainRunOptions,
  own: <T extends { dispose(): void }>(thing: T) => T,
): Promise<TrainResult> {
  const app = method.variant ? appOf({ app: base.name, method: method.name }) : base;
  const log = run.log ?? (() => {});
  const runtime = openRuntime(config);
  await refuseOccupied(config);

  // Everything that can be wrong with the data is found before anything is written.
  const tables = app.trainingData ? null : await openTables(config);
  const prepared = await app.prepare(config, tables?.train ?? null);
  if (tables && !isStage && method.learnsFromTable?.(config)) await app.checkTable?.(prepared, tables.train);
  const spec = method.variant ? { ...prepared, method: method.name } : prepared;
  const metric = config.bestMetric ?? app.metrics.primaryOf?.(spec) ?? app.metrics.primary;
  const direction = app.metrics.names[metric];
  if (!direction) {
    const known = Object.keys(app.metrics.names);
    throw new EasyNlpError('CONFIG_INVALID_VALUE', {
      key: 'bestMetric',
      expected: `one of ${known.join(', ')}`,
      got: JSON.stringify(metric),
      hint: nearest(metric, known) ? `Did you mean ${nearest(metric, known)}?` : undefined,
    });
  }
  const data = await dataFacts(config, method.dataFiles?.(config));
  const store = new CheckpointStore(join(config.output, 'training', 'checkpoints'), config.keepLast);
  const resumed = await findResume(config, data, store, log);
  for (const group of Object.values(resumed?.content.tensors ?? {})) for (const t of group.values()) own(t);

  manualSeed(config.seed);
  const { model, tokenizer } = await buildModel(config, app, spec, tables?.train ?? null, {
    log,
    signal: run.signal,
  });
  own(model);
  checkPositions(model, config);
  model.to({ device: runtime.device });
  const { count } = model.parameterCount();
  const context: AppContext = { spec, tokenizer };
  const loaded: LoadedApp = { app, context, model, runtime };

  const dataOptions = { log, signal: run.signal };
  const around: MethodContext = { config, app, context, model, runtime, tables, ...dataOptions };
  const rows = method.rows && tables ? await method.rows(around) : { tables, app };
  const trainingData = await (app.trainingData
    ? app.trainingData(loaded, config, dataOptions)
    : labelledRows(rows.tables!, { ...loaded, app: rows.app }, config, dataOptions));
  own({ dispose: () => trainingData.dispose?.() });

  // Fixed at the start, since the learning rate depends on it; options that may change can change it.
  const totalSteps =
    resumed?.changed.length === 0 ? resumed.content.state.totalSteps : await countSteps(trainingData, config);
  const makeObjective = run.objective ?? method.objective ?? (() => fineTuneObjective(app));
  model.train();
  const objective = await makeObjective({ ...around, ...rows });
  own({ dispose: () => objective.dispose?.() });
  const optimizer = own(buildOptimizer(config, trainedGroups(objective, model)));
  const scaler = config.precision === 'fp16' ? own(new amp.GradScaler()) : null;
  const state = resumed ? { ...resumed.content.state, totalSteps } : initialState(totalSteps);
  let sums: Map<string, Tensor> | undefined;
  let checkpoint: string | null = resumed?.folder ?? null;

  await prepareOutput(config);
  const training = join(config.output, 'training');
  const bestFolder = join(training, 'best');
  const summary = trainingSummary(config, count);

  if (resumed) {
    restore(resumed, { model, optimizer, scaler, objective, device: runtime.device });
    sums = new Map(
      [...resumed.content.tensors.loop!].map(([name, sum]) => [
        name,
        sum.to({ device: runtime.device, copy: true }),
      ]),
    );
    if (resumed.reordered && state.position !== null) {
      log('the order of the data has changed: the epoch begins anew');
      state.position = null;
      state.epochBatches = 0;
    }
    files.recoverFolder(bestFolder);
    if (state.best && !existsSync(bestFolder)) {
      log(`the best model so far (step ${state.best.step}) is no longer in ${bestFolder}`);
      state.best = null;
      state.evaluatedAt = -1;
    }
    log(`continuing from ${resumed.folder} at step ${state.step} of ${totalSteps}`);
  }
  log(
    `${app.name}: ${trainingData.size}, ${count.toLocaleString('en-US')} parameters, ${totalSteps.toLocaleString('en-US')} steps on ${runtime.device} in ${runtime.precision}`,
  );

  const runLog: RunLog = await RunLog.open({
    folder: training,
    resumeStep: resumed ? state.step : null,
    evaluatedAt: state.evaluatedAt,
    tensorboard: config.tensorboard,
    ...(run.progress ? { progress: run.progress } : {}),
    loggingSteps: config.loggingSteps,
    log,
    metric,
  }).catch((error) => {
    throw writeError(error, config.output);
  });
  const saveModel = async (metrics: Evaluation['values'], step: number, details?: unknown) => {
    await files.atomicFolder(
      bestFolder,
      (folder) =>
        writeArtefact(folder, { spec, model, tokenizer, metrics, details, training: { ...summary, step } }),
      { replace: true },
    );
  };
  const trainer: Trainer = new Trainer({
    model,
    objective,
    optimizer,
    schedule: buildSchedule(config, totalSteps),
    scaler,
    batches: trainingData.batches,
    runtime,
    settings: {
      epochs: config.epochs,
      gradientAccumulationSteps: config.gradientAccumulationSteps,
      maxGradNorm: config.maxGradNorm,
      learningRate: config.learningRate,
      cudaGraphs: config.cudaGraphs,
      loggingSteps: config.loggingSteps,
      evaluateEvery:
        config.evalStrategy === 'none' ? null : config.evalStrategy === 'steps' ? config.evalSteps! : 'epoch',
      saveEvery:
        config.saveStrategy === 'none' ? null : config.saveStrategy === 'steps' ? config.saveSteps! : 'epoch',
      earlyStopPatience: config.earlyStopPatience ?? null,
    },
    state,
    sums,
    evaluate: config.evalStrategy === 'none' ? null : trainingData.evaluate,
    best: { metric, higherIsBetter: direction.higherIsBetter },
    onBest: (evaluation) => saveModel(evaluation.values, state.step, evaluation.details),
    saveCheckpoint: async (t) => {
      runLog.sync();
      const { state: moments, ...optimizerState } = optimizer.stateDict();
      const rng = captureRng(runtime.device);
      const saving = store.save({
        state: t.state,
        config,
        data,
        extra: { optimizer: optimizerState, scaler: scaler?.stateDict() ?? null },
        tensors: {
          model: model.stateDict(),
          optimizer: moments,
          rng,
          loop: t.sums(),
          ...(objective.stateDict ? { objective: objective.stateDict() } : {}),
        },
      });
      checkpoint = await saving.finally(() => {
        for (const tensor of rng.values()) tensor.dispose();
      });
      return checkpoint;
    },
    lastCheckpoint: () => checkpoint,
    hooks: runLog.hooks(run, () => trainer.speedMeter),
    signal: run.signal,
  });

  own(trainer);

  try {
    const { stopped } = await trainer.run();
    const result = {
      output: config.output,
      bestStep: state.best?.step ?? null,
      metrics: state.best?.metrics ?? {},
      steps: state.step,
      epochs:
        state.epoch +
        (state.position === null
          ? 0
          : state.epochBatches / Math.max(1, await trainingData.batches.batchesPerEpoch(state.epoch))),
      stopped,
    };
    if (stopped === 'interrupted') return result;
    if (state.best === null) {
      await objective.beforeEvaluation?.(model);
      await saveModel({}, state.step);
    }
    await publishArtefact(bestFolder, config.output);
    return result;
  } catch (error) {
    throw writeError(error, config.output);
  } finally {
    runLog.close();
  }
}

async function countSteps({ batches, name }: TrainingData, config: TrainConfig): Promise<number> {
  let steps = 0;
  for (let epoch = 0; epoch < config.epochs; epoch++) {
    steps += Math.ceil((await batches.batchesPerEpoch(epoch)) / config.gradientAccumulationSteps);
  }
  if (steps === 0) throw new EasyNlpError('DATA_EMPTY', { file: name });
  return Math.min(steps, config.maxSteps ?? steps);
}

/** The options that a reader of the model card wants to see. */
function trainingSummary(config: TrainConfig, parameters: number): Record<string, unknown> {
  const {
    model,
    architecture,
    epochs,
    batchSize,
    tokenBudget,
    learningRate,
    optimizer,
    schedule,
    weightDecay,
    precision,
    seed,
  } = config;
  const all = {
    model,
    architecture,
    parameters,
    epochs,
    batchSize,
    tokenBudget,
    learningRate,
    optimizer,
    schedule,
    weightDecay,
    precision,
    seed,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
