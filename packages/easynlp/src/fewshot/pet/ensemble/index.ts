export { scoreRows, weightedMean } from './ensemble-scores.js';
export { chooseRows, chooseTeachers } from './generations.js';
export { petEnsemble } from './pet-ensemble.js';
export { softLabelLoss, softLabels } from './soft-labels.js';
export { openUnlabelled } from './stage-data.js';
