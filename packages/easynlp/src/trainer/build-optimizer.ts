import { optim } from '@easynlp/torch';
import type { AppModel } from '../appzoo/app.js';
import type { TrainConfig } from '../config/index.js';
import type { Objective, TrainedGroup } from './objective.js';

/**
 * The optimizer that the configuration names. Weight decay acts on matrices only: biases and normalization weights
 * (everything with at most one dimension) have none.
 */
export function buildOptimizer(config: TrainConfig, trained: readonly TrainedGroup[]): optim.Optimizer {
  const lr = config.learningRate;
  const groups = trained
    .flatMap(({ params, lrFactor }) => {
      const rate = lrFactor === undefined ? {} : { lrFactor, lr: lr * lrFactor };
      return [
        { params: params.filter((p) => p.ndim > 1), weightDecay: config.weightDecay, ...rate },
        { params: params.filter((p) => p.ndim <= 1), weightDecay: 0, ...rate },
      ];
    })
    .filter((group) => group.params.length > 0);
  switch (config.optimizer) {
    case 'adamw':
      return new optim.AdamW(groups, { lr, eps: 1e-6 });
    case 'adam':
      return new optim.Adam(groups, { lr });
    case 'sgd':
      return new optim.SGD(groups, { lr, momentum: 0.9 });
    case 'bertadam':
      return new optim.BertAdam(groups, { lr });
  }
}

/** What an objective trains: its own choice, or every parameter of the model that requires a gradient. */
export function trainedGroups(objective: Objective, model: AppModel): readonly TrainedGroup[] {
  return objective.groups?.(model) ?? [{ params: model.parameters().filter((p) => p.requiresGrad) }];
}

/** Factor of the learning rate after `step` steps of `totalSteps`. */
export function buildSchedule(config: TrainConfig, totalSteps: number): (step: number) => number {
  const warmupSteps = config.warmupSteps ?? Math.trunc(config.warmupRatio * totalSteps);
  const options = { warmupSteps, totalSteps };
  switch (config.schedule) {
    case 'linear':
      return optim.linearSchedule(options);
    case 'cosine':
      return optim.cosineSchedule(options);
    case 'polynomial':
      return optim.polynomialSchedule(options);
    case 'constant':
      return optim.constantSchedule(options);
  }
}
