export { tableFromArray } from './array-table.js';
export { type BatchPlanOptions, planBatches } from './batch-plan.js';
export { type BatchProvider, collated, type ProvidedBatch } from './batch-provider.js';
export {
  type BatchPosition,
  BatchStream,
  type BatchStreamOptions,
  type StreamedBatch,
} from './batch-stream.js';
export {
  attentionMask,
  floatMatrix,
  intVector,
  type PadOptions,
  paddedLength,
  padSequences,
} from './collate.js';
export { collectLabels, type LabelOrder, LabelSet, labelsIn, readLabelFile, readLabels } from './labels.js';
export { type LineBlock, readLines } from './line-reader.js';
export { type OpenTableOptions, openTable, TABLE_FORMATS, type TableFormat } from './open-table.js';
export { formatSchema, parseSchema } from './schema.js';
export type { TextSpan } from './span-table.js';
export type { Cell, Column, DataSource, EncodedRow, HostBatch, HostTensor, Row } from './types.js';
