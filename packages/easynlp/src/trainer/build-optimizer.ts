import { type nn, optim } from '@easynlp/torch';
import type { TrainConfig } from '../config/index.js';

/**
 * The optimizer that the configuration names. Weight decay acts on matrices only: biases and normalization weights
 * (everything with at most one dimension) have none.
 */
export function buildOptimizer(config: TrainConfig, model: nn.Module): optim.Optimizer {
  const trained = model.parameters().filter((p) => p.requiresGrad);
  const groups = [
    { params: trained.filter((p) => p.ndim > 1), weightDecay: config.weightDecay },
    { params: trained.filter((p) => p.ndim <= 1), weightDecay: 0 },
  ].filter((group) => group.params.length > 0);
  const lr = config.learningRate;
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
