export { type JsonValue, MetricsLog, type MetricsRecord, readMetrics } from './metrics-log.js';
export {
  formatProgress,
  type Progress,
  ProgressLine,
  type ProgressLineOptions,
  type ProgressStream,
} from './progress-line.js';
export { type Speed, SpeedMeter, type SpeedMeterOptions } from './speed-meter.js';
export { type TensorBoardOptions, TensorBoardWriter } from './tensorboard-writer.js';
