export {
  fineTuneObjective,
  type Objective,
  type ObjectiveLoss,
  type StepPosition,
  type TrainedGroup,
} from '../appzoo/objective.js';
