import { setImmediate as turn } from 'node:timers/promises';
import { type amp, keep, noGrad, type optim, stack, type Tensor, tidy, zeros } from '@easynlp/torch';
import type { AppModel } from '../appzoo/app.js';
import type { Evaluation } from '../appzoo/evaluate.js';
import type { Runtime } from '../appzoo/runtime.js';
import type { BatchProvider, ProvidedBatch } from '../datahub/index.js';
import { EasyNlpError } from '../errors/index.js';
import { DeviceStep } from './device-step.js';
import type { TrainerHooks } from './hooks.js';
import type { Objective } from './objective.js';
import { SpeedMeter } from './tracking/index.js';
import type { TrainingState } from './training-state.js';

export interface TrainerSettings {
  readonly epochs: number;
  readonly gradientAccumulationSteps: number;
  /** 0 = no clipping. */
  readonly maxGradNorm: number;
  readonly learningRate: number;
  /** Capture steps as CUDA graphs where that is possible. */
  readonly cudaGraphs: boolean;
  readonly loggingSteps: number;
  /** Evaluate every so many steps, after each epoch, or never. */
  readonly evaluateEvery: number | 'epoch' | null;
  readonly saveEvery: number | 'epoch' | null;
  /** Evaluations without a better value before stopping; null = never stop early. */
  readonly earlyStopPatience: number | null;
}

// Names of the sums in a checkpoint.
const LOSS_SUM = 'lossSum';
const LOG_SUM = 'log.';

/** What the loop needs; every part can be replaced by another of the same interface. */
export interface TrainerParts {
  readonly model: AppModel;
  readonly objective: Objective;
  readonly optimizer: optim.Optimizer;
  /** Factor of the learning rate after `step` optimizer steps. */
  readonly schedule: (step: number) => number;
  readonly scaler: amp.GradScaler | null;
  readonly batches: BatchProvider;
  readonly runtime: Runtime;
  readonly settings: TrainerSettings;
  readonly state: TrainingState;
  /** Sums of the losses since the last log line, as `sums()` gave them, when resuming. They become the trainer's. */
  readonly sums?: ReadonlyMap<string, Tensor> | undefined;
  readonly evaluate: (() => Promise<Evaluation>) | null;
  readonly best: { readonly metric: string; readonly higherIsBetter: boolean };
  /** Called with a better evaluation than all before; stores the model. */
  readonly onBest: (evaluation: Evaluation) => Promise<void>;
  readonly saveCheckpoint: (trainer: Trainer) => Promise<string>;
  readonly lastCheckpoint: () => string | null;
  readonly hooks: TrainerHooks;
  readonly signal?: AbortSignal | undefined;
}

export interface TrainerOutcome {
  readonly stopped: 'finished' | 'early' | 'interrupted';
}

/**
 * The training loop: every method of the toolkit trains through it, with an objective of its own.
 *
 * One iteration is one optimizer step over `gradientAccumulationSteps` batches (fewer at the end of an epoch). Loss
 * weights make the step equal to one over all of its rows at once, whatever the sizes of the batches. The loss stays
 * on the device between log lines. `state` is at all times what a checkpoint has to hold.
 */
export class Trainer {
  readonly state: TrainingState;
  /** Sum of step losses since the last log line, float64 on the device. */
  private readonly lossSum: Tensor;
  /** The same for the objective's further scalars, by name. */
  private readonly logSums = new Map<string, Tensor>();
  private readonly parts: TrainerParts;
  private readonly parameters: Tensor[];
  private readonly speed: SpeedMeter;
  private readonly device: DeviceStep;
  private learningRate = 0;
  /** The state of the last checkpoint as JSON: nothing is written twice. */
  private saved = '';

  constructor(parts: TrainerParts) {
    this.parts = parts;
    this.state = parts.state;
    this.parameters = parts.optimizer.groups.flatMap((group) => group.params);
    this.lossSum = parts.sums?.get(LOSS_SUM) ?? this.zero();
    for (const [name, sum] of parts.sums ?? []) {
      if (name.startsWith(LOG_SUM)) this.logSums.set(name.slice(LOG_SUM.length), sum);
    }
    this.device = new DeviceStep({
      ...parts,
      maxGradNorm: parts.settings.maxGradNorm,
      graphs: parts.settings.cudaGraphs,
      lossSum: this.lossSum,
      addLogs: (logs, weight) => this.addLogs(logs, weight),
      check: (value, what) => this.checkFinite(value, this.learningRate, what),
    });
    this.speed = new SpeedMeter({ totalSteps: this.state.totalSteps, startStep: this.state.step });
  }

  private zero(): Tensor {
    return keep(zeros([], { dtype: 'float64', device: this.parts.runtime.device }));
  }

  /** What was summed since the last log line, for a checkpoint. The live tensors. */
  sums(): Map<string, Tensor> {
    return new Map([
      [LOSS_SUM, this.lossSum],
      ...[...this.logSums].map(([name, sum]): [string, Tensor] => [`${LOG_SUM}${name}`, sum]),
    ]);
  }

  private addLogs(logs: Readonly<Record<string, Tensor>>, weight: number): void {
    noGrad(() => {
      for (const [name, value] of Object.entries(logs)) {
        const sum = this.logSums.get(name) ?? this.zero();
        this.logSums.set(name, sum);
        sum.add_(value.detach(), { alpha: weight });
      }
    });
  }

  async run(): Promise<TrainerOutcome> {
    const { settings, signal } = this.parts;
    const { state } = this;
    this.parts.model.train();
    while (state.epoch < settings.epochs && state.step < state.totalSteps) {
      const ended = await this.runEpoch();
      if (ended !== null) return { stopped: ended };
      if (signal?.aborted) return this.interrupted();
    }
    if (this.parts.evaluate && state.evaluatedAt !== state.step) await this.evaluate();
    if (settings.saveEvery !== null) await this.save();
    return { stopped: 'finished' };
  }

  /** @returns how training ended, or null to go on with the next epoch. */
  private async runEpoch(): Promise<TrainerOutcome['stopped'] | null> {
    const { batches, settings, signal } = this.parts;
    const { state } = this;
    const batchesPerEpoch = await batches.batchesPerEpoch(state.epoch);
    for await (const group of this.groups(batches.epoch(state.epoch, state.position ?? undefined))) {
      this.step(group, batchesPerEpoch);
      const { evaluateEvery, saveEvery } = settings;
      const last = state.step >= state.totalSteps;
      if (typeof evaluateEvery === 'number' && state.step % evaluateEvery === 0) {
        if (await this.evaluate()) return 'early';
      }
      if (typeof saveEvery === 'number' && state.step % saveEvery === 0 && !last) await this.save();
      if (signal?.aborted) {
        await this.interrupted();
        return 'interrupted';
      }
      if (last) return null;
      await turn(); // signals and servers live on during training
    }
    state.epoch++;
    state.position = null;
    state.epochBatches = 0;
    if (settings.evaluateEvery === 'epoch' && (await this.evaluate())) return 'early';
    if (settings.saveEvery === 'epoch' && state.epoch < settings.epochs) await this.save();
    return null;
  }

  /** Batches in groups of one optimizer step; the last group of an epoch may be smaller. */
  private async *groups(batches: AsyncIterable<ProvidedBatch>): AsyncGenerator<ProvidedBatch[]> {
    let group: ProvidedBatch[] = [];
    for await (const batch of batches) {
      group.push(batch);
      if (group.length < this.parts.settings.gradientAccumulationSteps) continue;
      yield group;
      group = [];
    }
    if (group.length > 0) yield group;
  }

  private step(group: readonly ProvidedBatch[], batchesPerEpoch: number): void {
    const { settings, schedule, hooks, objective } = this.parts;
    const { state } = this;
    const samples = group.reduce((n, { batch }) => n + batch.size, 0);
    const learningRate = settings.learningRate * schedule(state.step);
    this.learningRate = learningRate;
    objective.beforeStep?.({ step: state.step, totalSteps: state.totalSteps, epoch: state.epoch });
    const batches = group.map(({ batch }) => ({ batch, weight: batch.size / samples }));
    const tokens = batches.reduce((n, { batch }) => n + batch.tokens, 0);
    tidy(() => {
      const loss = this.device.run(batches, learningRate);
      state.step++;
      state.position = group.at(-1)!.position;
      state.epochBatches += group.length;
      state.loggedSteps++;
      this.speed.step({ samples, tokens });
      const epoch = state.epoch + Math.min(1, state.epochBatches / Math.max(1, batchesPerEpoch));
      hooks.onStep?.({
        step: state.step,
        totalSteps: state.totalSteps,
        epoch,
        learningRate,
        samples,
        tokens,
        loss: () => loss.item(),
      });
      if (state.step % settings.loggingSteps === 0 || state.step === state.totalSteps)
        this.log(epoch, learningRate);
    });
  }

  private log(epoch: number, learningRate: number): void {
    const { state } = this;
    const steps = Math.max(1, state.loggedSteps);
    const loss = this.lossSum.item() / steps;
    this.checkFinite(loss, learningRate, 'loss', state.step);
    const parts = Object.fromEntries(
      [...this.logSums]
        .sort(([a], [b]) => (a < b ? -1 : 1)) // a checkpoint does not keep their order
        .map(([name, sum]) => [name, sum.item() / steps]),
    );
    noGrad(() => {
      for (const sum of this.sums().values()) sum.zero_();
    });
    state.loggedSteps = 0;
    const { samplesPerSecond, tokensPerSecond } = this.speed.read();
    this.parts.hooks.onLog?.({
      step: state.step,
      epoch,
      loss,
      parts,
      learningRate,
      gradNorm: this.device.gradNorm?.item() ?? null,
      samplesPerSecond,
      tokensPerSecond,
    });
  }

  get speedMeter(): SpeedMeter {
    return this.speed;
  }

  private checkFinite(value: number, learningRate: number, what = 'loss', step = this.state.step + 1): void {
    if (Number.isFinite(value)) return;
    throw new EasyNlpError('TRAIN_LOSS_NOT_FINITE', {
      what,
      loss: value,
      step,
      epoch: this.state.epoch + 1,
      learningRate,
      checkpoint: this.parts.lastCheckpoint(),
    });
  }

  /** Before anything is stored: neither the best model nor a checkpoint may hold weights that are lost. */
  private checkHealthy(): void {
    const { learningRate } = this.parts.settings;
    const { step } = this.state;
    this.checkFinite(this.lossSum.item(), learningRate, 'loss', step);
    const finite = noGrad(() =>
      tidy(() =>
        stack(this.parameters.map((p) => p.isfinite().all()))
          .all()
          .item(),
      ),
    );
    if (!finite) this.checkFinite(Number.NaN, learningRate, 'weights', step);
  }

  /** Evaluates, keeps the best. @returns whether patience has run out. */
  private async evaluate(): Promise<boolean> {
    const { evaluate, best, settings, hooks } = this.parts;
    const { state } = this;
    if (!evaluate) return false;
    this.checkHealthy();
    const { objective, model } = this.parts;
    const evaluation = await this.speed.exclude(async () => {
      await objective.beforeEvaluation?.(model);
      return evaluate();
    });
    this.parts.model.train(); // an evaluation must not leave dropout off
    state.evaluatedAt = state.step;
    const value = evaluation.values[best.metric];
    const better =
      typeof value === 'number' &&
      (state.best === null || (best.higherIsBetter ? value > state.best.value : value < state.best.value));
    if (better) {
      await this.parts.onBest(evaluation);
      state.best = { step: state.step, value, metrics: evaluation.values };
      state.evaluationsWithoutGain = 0;
    } else state.evaluationsWithoutGain++;
    hooks.onEvaluate?.({ step: state.step, epoch: state.epoch, evaluation, best: better });
    return settings.earlyStopPatience !== null && state.evaluationsWithoutGain >= settings.earlyStopPatience;
  }

  private async save(): Promise<void> {
    const state = JSON.stringify(this.state);
    if (state === this.saved) return;
    this.checkHealthy();
    const folder = await this.speed.exclude(() => this.parts.saveCheckpoint(this));
    this.saved = state;
    this.parts.hooks.onCheckpoint?.({ step: this.state.step, folder });
  }

  private async interrupted(): Promise<TrainerOutcome> {
    await this.save();
    return { stopped: 'interrupted' };
  }

  /** Releases what the loop itself holds; model and optimizer are their owner's. */
  dispose(): void {
    for (const sum of this.sums().values()) sum.dispose();
    this.device.dispose();
  }
}
