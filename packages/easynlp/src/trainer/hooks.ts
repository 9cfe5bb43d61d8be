import type { Evaluation } from '../appzoo/evaluate.js';

/** What is known after an optimizer step; reading `loss` waits for the device, so it is a function. */
export interface StepInfo {
  /** Optimizer steps done. */
  readonly step: number;
  readonly totalSteps: number;
  /** With its fraction: 1.2 is a fifth into the second epoch. */
  readonly epoch: number;
  readonly learningRate: number;
  /** Rows and real tokens of the step. */
  readonly samples: number;
  readonly tokens: number;
  /** Mean loss of the step's rows. */
  readonly loss: () => number;
}

export interface LogInfo {
  readonly step: number;
  readonly epoch: number;
  /** Mean over the steps since the last log line. */
  readonly loss: number;
  /** The objective's further scalars, means over the same steps: the parts of a sum, for instance. */
  readonly parts: Readonly<Record<string, number>>;
  readonly learningRate: number;
  readonly gradNorm: number | null;
  readonly samplesPerSecond: number;
  readonly tokensPerSecond: number;
}

export interface EvaluateInfo {
  readonly step: number;
  readonly epoch: number;
  readonly evaluation: Evaluation;
  /** Whether this is the best one so far. */
  readonly best: boolean;
}

/** The closed list of places where callers may look on; none of them can change the training. */
export interface TrainerHooks {
  readonly onStep?: (info: StepInfo) => void;
  readonly onLog?: (info: LogInfo) => void;
  readonly onEvaluate?: (info: EvaluateInfo) => void;
  readonly onCheckpoint?: (info: { step: number; folder: string }) => void;
}
