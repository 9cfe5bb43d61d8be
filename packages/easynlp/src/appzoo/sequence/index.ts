export { classifierApp } from './classifier.js';
export {
  argmax,
  type ClassificationResult,
  classificationColumns,
  decodeClasses,
  type LabelScore,
  softmaxRow,
} from './decode.js';
export {
  collateLabelled,
  collateTexts,
  type EncodedSequence,
  type EncodedText,
  encodeLabelled,
  encodeTexts,
  textOf,
  textsOf,
  withLabels,
} from './encode.js';
export { sequenceInputs } from './inputs.js';
export { classificationMetrics } from './metrics.js';
export {
  type ClassificationSpec,
  checkClasses,
  chosenColumn,
  classificationLabels,
  columnNames,
  LABEL_COLUMNS,
  labelsOfOptions,
  type SequenceSpec,
  TEXT_COLUMNS,
  trainedByEasyNlp,
} from './spec.js';
