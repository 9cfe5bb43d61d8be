import type { nn, Tensor } from '@easynlp/torch';
import type { App, AppModel, ModelInputs } from './app.js';

/** A training loss with named parts for the log; tensors stay on the device. */
export interface ObjectiveLoss {
  /** Scalar, mean over the rows of the batch. */
  readonly loss: Tensor;
  /** Further scalars to log, averaged between log lines. The same names at every step. */
  readonly logs?: Readonly<Record<string, Tensor>>;
}

/** Parameters that train alike. */
export interface TrainedGroup {
  readonly params: readonly nn.Parameter[];
  /** Factor of the configuration's learning rate, 1 by default. */
  readonly lrFactor?: number;
}

/** Where training stands when a step begins. */
export interface StepPosition {
  /** Optimizer steps done. */
  readonly step: number;
  readonly totalSteps: number;
  /** Epochs done, counted from 0. */
  readonly epoch: number;
}

/**
 * What is being minimized: (model, batch) → loss. Fine-tuning is one objective, each few-shot or distillation method
 * another. Anything an objective carries from step to step must be in its state, or resuming would not be exact.
 */
export interface Objective {
  readonly name: string;
  /** Runs inside the step's precision and scope. It may keep no tensor of the step. */
  loss(model: AppModel, inputs: ModelInputs): ObjectiveLoss;
  /**
   * Whether a step can be recorded as a CUDA graph: nothing in `loss` may read a value back to the host or depend on
   * numbers that change from step to step, unless they lie in device tensors. Default: no.
   */
  readonly capturable?: boolean;
  /** What is trained, when that is not simply every parameter of the model that requires a gradient. */
  groups?(model: AppModel): readonly TrainedGroup[];
  /** Called on the host before each optimizer step: schedules of temperatures and weights. */
  beforeStep?(position: StepPosition): void;
  /**
   * Called before each evaluation and before the model is stored: brings up to date what the model predicts with
   * besides its weights (anchors, prototypes). The model is in training mode and stays so.
   */
  beforeEvaluation?(model: AppModel): void | Promise<void>;
  /** Tensors to keep in checkpoints. */
  stateDict?(): ReadonlyMap<string, Tensor>;
  loadStateDict?(state: ReadonlyMap<string, Tensor>): void;
  /** Releases what the objective owns: a teacher, projections, banks. */
  dispose?(): void;
}

/** The app's own loss on labelled rows. */
export function fineTuneObjective(app: App): Objective {
  return {
    name: 'fine-tune',
    capturable: true,
    loss: (model, inputs) => ({ loss: app.loss(model.forward(inputs), inputs) }),
    ...(app.groups ? { groups: (model) => app.groups!(model) } : {}),
  };
}
