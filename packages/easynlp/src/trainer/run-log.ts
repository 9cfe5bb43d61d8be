import { join } from 'node:path';
import type { TrainerHooks } from './hooks.js';
import {
  type JsonValue,
  MetricsLog,
  ProgressLine,
  type ProgressStream,
  type SpeedMeter,
  TensorBoardWriter,
} from './tracking/index.js';

export interface RunLogOptions {
  readonly folder: string;
  /** Step of the checkpoint that is continued; null for a new training. */
  readonly resumeStep: number | null;
  /** Step of the last evaluation that this checkpoint knows of. */
  readonly evaluatedAt: number;
  readonly tensorboard: boolean;
  readonly progress?: ProgressStream;
  readonly loggingSteps: number;
  readonly log: (line: string) => void;
  /** The figure shown while training. */
  readonly metric: string;
}

/** Everything a training writes about itself: metrics.jsonl, TensorBoard files, the progress line. */
export class RunLog {
  private constructor(
    private readonly options: RunLogOptions,
    private readonly metrics: MetricsLog,
    private readonly board: TensorBoardWriter | null,
    private readonly line: ProgressLine | null,
  ) {}

  static async open(options: RunLogOptions): Promise<RunLog> {
    const { folder, resumeStep, evaluatedAt, tensorboard, progress, loggingSteps } = options;
    const metrics = await MetricsLog.open(join(folder, 'metrics.jsonl'), {
      resumeStep,
      // The step's checkpoint may be older than its evaluation, which then comes again.
      keep: ({ step, event }) => event !== 'evaluate' || step <= evaluatedAt,
    });
    const board = tensorboard
      ? new TensorBoardWriter(join(folder, 'tensorboard'), resumeStep === null ? {} : { resumeStep })
      : null;
    return new RunLog(
      options,
      metrics,
      board,
      progress ? new ProgressLine({ stream: progress, every: loggingSteps }) : null,
    );
  }

  /** The trainer's hooks: our own records first, then the caller's. */
  hooks(user: TrainerHooks, speed: () => SpeedMeter): TrainerHooks {
    let loss: number | undefined;
    let best: string | undefined;
    return {
      onStep: (info) => {
        if (this.line) {
          const { samplesPerSecond, tokensPerSecond, etaSeconds } = speed().read();
          this.line.update({
            step: info.step,
            totalSteps: info.totalSteps,
            epoch: info.epoch,
            ...(loss === undefined ? {} : { loss }),
            learningRate: info.learningRate,
            samplesPerSecond,
            tokensPerSecond,
            etaSeconds,
            ...(best === undefined ? {} : { extra: { [this.options.metric]: best } }),
          });
        }
        user.onStep?.(info);
      },
      onLog: (info) => {
        loss = info.loss;
        const { step, epoch, learningRate, gradNorm, samplesPerSecond, tokensPerSecond } = info;
        this.metrics.write({
          step,
          event: 'train',
          epoch,
          loss: info.loss,
          ...(Object.keys(info.parts).length > 0 ? { parts: info.parts } : {}),
          learningRate,
          gradNorm,
          time: { samplesPerSecond, tokensPerSecond },
        });
        this.board?.scalars(
          {
            'train/loss': info.loss,
            ...Object.fromEntries(
              Object.entries(info.parts).map(([name, value]) => [`train/${name}`, value]),
            ),
            'train/learning_rate': learningRate,
            ...(gradNorm === null ? {} : { 'train/grad_norm': gradNorm }),
          },
          step,
        );
        user.onLog?.(info);
      },
      onEvaluate: (info) => {
        const { step, epoch, evaluation } = info;
        const values = Object.entries(evaluation.values);
        const value = evaluation.values[this.options.metric];
        if (info.best && typeof value === 'number') best = value.toFixed(4);
        this.metrics.write({
          step,
          event: 'evaluate',
          epoch,
          best: info.best,
          metrics: evaluation.values as JsonValue,
        });
        this.board?.scalars(
          Object.fromEntries(values.flatMap(([name, v]) => (v === null ? [] : [[`dev/${name}`, v]]))),
          step,
        );
        this.note(
          `step ${step}: ${values
            .filter(([, v]) => v !== null)
            .map(([name, v]) => `${name} ${v!.toFixed(4)}`)
            .join(', ')}${info.best ? ' (best)' : ''}`,
        );
        user.onEvaluate?.(info);
      },
      onCheckpoint: (info) => user.onCheckpoint?.(info),
    };
  }

  /** A line for people, above the progress line. */
  private note(text: string): void {
    if (this.line) this.line.note(text);
    else this.options.log(text);
  }

  /** Brings the files up to date before a checkpoint is written. */
  sync(): void {
    this.metrics.sync();
    this.board?.flush();
  }

  close(): void {
    this.line?.done();
    this.metrics.close();
    this.board?.close();
  }
}
