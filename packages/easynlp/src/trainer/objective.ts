import type { Tensor } from '@easynlp/torch';
import type { App, AppModel, ModelInputs } from '../appzoo/app.js';

/** A training loss with named parts for the log; tensors stay on the device. */
export interface ObjectiveLoss {
  /** Scalar, mean over the rows of the batch. */
  readonly loss: Tensor;
  /** Further scalars to log, averaged between log lines. */
  readonly logs?: Readonly<Record<string, Tensor>>;
}

/**
 * What is being minimized: (model, batch) → loss. Fine-tuning is one objective, each few-shot or distillation method
 * another. Anything an objective carries from step to step must be in its state, or resuming would not be exact.
 */
export interface Objective {
  readonly name: string;
  loss(model: AppModel, inputs: ModelInputs): ObjectiveLoss;
  /** Tensors to keep in checkpoints. */
  stateDict?(): ReadonlyMap<string, Tensor>;
  loadStateDict?(state: ReadonlyMap<string, Tensor>): void;
}

/** The app's own loss on labelled rows. */
export function fineTuneObjective(app: App): Objective {
  return {
    name: 'fine-tune',
    loss: (model, inputs) => ({ loss: app.loss(model.forward(inputs), inputs) }),
  };
}
