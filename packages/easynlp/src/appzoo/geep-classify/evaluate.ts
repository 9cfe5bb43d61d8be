import type { EvaluateConfig } from '../../config/index.js';
import { type EncodedRow, openTable } from '../../datahub/index.js';
import { table } from '../../util/index.js';
import type { TrainingDataOptions } from '../app.js';
import { type Evaluation, encodeSource, evaluateSource } from '../evaluate.js';
import type { LoadedApp } from '../inference.js';
import type { GeepModel } from './model.js';

/** What a threshold costs and gives. */
export interface ThresholdFigures {
  readonly exitThreshold: number;
  readonly accuracy: number | null;
  /** Layers computed for a text, on average. */
  readonly meanLayers: number | null;
  readonly rowsPerSecond: number;
  /** Speed against that of threshold 0, or of the first threshold where 0 is not among them. */
  readonly speedup: number;
}

/** Figures at the model's threshold, and beside them accuracy and speed at several. */
export async function evaluateGeep(
  loaded: LoadedApp,
  config: EvaluateConfig,
  { signal }: TrainingDataOptions,
): Promise<Evaluation> {
  const source = await openTable(config.data, {
    format: config.format,
    skipFirstLine: config.skipFirstLine,
    ...(config.schema === undefined ? {} : { schema: config.schema }),
  });
  const chunks: { encoded: readonly EncodedRow[] }[] = [];
  for await (const { encoded } of encodeSource(loaded, source, { labels: true, signal }))
    chunks.push({ encoded });
  const { batchSize, tokenBudget } = config;
  const measure = () => evaluateSource(loaded, chunks, { name: source.name, batchSize, tokenBudget, signal });
  const model = loaded.model as GeepModel;
  const own = model.exitThreshold;
  const evaluation = await measure();
  const { compareThresholds = [] } = config as EvaluateConfig & { compareThresholds?: readonly number[] };
  const figures: ThresholdFigures[] = [];
  try {
    for (const exitThreshold of [...new Set([...compareThresholds, own])].sort((a, b) => a - b)) {
      model.exitThreshold = exitThreshold;
      const begun = performance.now();
      const { values, rows } = await measure();
      const rowsPerSecond = rows / ((performance.now() - begun) / 1000);
      figures.push({
        exitThreshold,
        accuracy: values.accuracy ?? null,
        meanLayers: values.mean_layers ?? null,
        rowsPerSecond,
        speedup: rowsPerSecond / (figures[0]?.rowsPerSecond ?? rowsPerSecond),
      });
    }
  } finally {
    model.exitThreshold = own;
  }
  const lines = table(
    [
      ['exit threshold', 'accuracy', 'layers', 'rows/s', 'speed'],
      ...figures.map((f) => [
        String(f.exitThreshold),
        f.accuracy?.toFixed(4) ?? '–',
        f.meanLayers?.toFixed(2) ?? '–',
        f.rowsPerSecond.toFixed(0),
        `${f.speedup.toFixed(2)}×`,
      ]),
    ],
    { header: true },
  );
  return {
    ...evaluation,
    details: { ...(evaluation.details as object), thresholds: figures },
    text: `${(evaluation.text ?? '').trimEnd()}\n\n${lines}`,
  };
}
