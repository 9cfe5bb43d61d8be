export { averagePrecision } from './average-precision.js';
export {
  type ClassificationReport,
  type ClassReport,
  classificationReport,
  type PrecisionRecall,
} from './classification-report.js';
export { type ConfusionMatrix, confusionMatrix } from './confusion-matrix.js';
export { pearson, ranks, spearman } from './correlation.js';
export { bestF1Threshold, type F1Threshold } from './f1-threshold.js';
export {
  type MultiLabelOptions,
  type MultiLabelReport,
  meanAveragePrecision,
  multiLabelReport,
  renderMultiLabelReport,
} from './multi-label-report.js';
export { type RankingScores, rankingScores, rankOfRelevant } from './ranking.js';
export { type RenderOptions, renderConfusionMatrix, renderReport } from './render-report.js';
export { type RocAucOptions, rocAuc } from './roc-auc.js';
export {
  accuracy,
  type CrossEntropyOptions,
  crossEntropy,
  type F1Average,
  type F1Options,
  f1Score,
  matthewsCorrCoef,
} from './scores.js';
export { bestThreshold, type Threshold } from './threshold.js';
