export { Adam, type AdamOptions, type AdamSettings, AdamW, type AdamWOptions } from './adam.js';
export { BertAdam, type BertAdamOptions, type BertAdamSchedule } from './bert-adam.js';
export { clipGradNorm, gradNorm } from './clip-grad-norm.js';
export { LRScheduler } from './lr-scheduler.js';
export {
  type GroupOptions,
  Optimizer,
  type OptimizerState,
  type ParamGroup,
  type ParamsInput,
  type StepOptions,
} from './optimizer.js';
export {
  constantSchedule,
  cosineSchedule,
  linearSchedule,
  polynomialSchedule,
  type Schedule,
  type ScheduleOptions,
} from './schedules.js';
export { SGD, type SGDOptions } from './sgd.js';
