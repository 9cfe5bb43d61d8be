import type { TrainingData, TrainingDataOptions } from '../appzoo/app.js';
import { encodeSource, evaluateSource } from '../appzoo/evaluate.js';
import type { LoadedApp } from '../appzoo/inference.js';
import { PartsTable, partOf } from '../appzoo/parts-table.js';
import { canUnpad } from '../appzoo/unpad-batch.js';
import type { TrainConfig } from '../config/index.js';
import { BatchStream, collated, type DataSource, type EncodedRow, openTable } from '../datahub/index.js';
import { EasyNlpError } from '../errors/index.js';

/** The tables of a training on labelled rows. */
export interface LabelledTables {
  readonly train: DataSource;
  readonly dev: DataSource | null;
}

export async function openTables(config: TrainConfig): Promise<LabelledTables> {
  const open = (path: string) =>
    openTable(path, {
      format: config.format,
      skipFirstLine: config.skipFirstLine,
      ...(config.schema === undefined ? {} : { schema: config.schema }),
    });
  return { train: await open(config.train), dev: config.dev === undefined ? null : await open(config.dev) };
}

/** Batches of labelled rows, and the evaluation on those of the validation table. */
export async function labelledRows(
  { train, dev }: LabelledTables,
  loaded: LoadedApp,
  config: TrainConfig,
  { signal }: TrainingDataOptions,
): Promise<TrainingData> {
  const { app, context, runtime } = loaded;
  // CUDA graphs want few shapes that come again and again: lengths in steps of 16, and a mask always.
  const shapes =
    runtime.device !== 'cpu' && config.cudaGraphs
      ? { padToMultipleOf: Math.min(16, config.sequenceLength), alwaysMask: true }
      : {};
  // Steps that leave padding out gain nothing from batches of one length, which would be of many shapes.
  const unpads = runtime.device !== 'cpu' && runtime.precision === 'bf16' && canUnpad(loaded.model);
  const bucketing = config.bucketing && !(unpads && config.tokenBudget === undefined);
  const inParts = app.parts !== undefined && (app.trainsOnParts?.(context.spec) ?? true);
  const stream = new BatchStream<EncodedRow>({
    source: inParts ? new PartsTable(train, loaded) : train,
    encode: async (rows) => {
      const encoded = inParts ? rows.map(partOf) : await app.encode(rows, context, { labels: true });
      // Equal lengths switch the bucketing off; padding still goes by the real ones.
      return bucketing
        ? encoded
        : encoded.map((row) => ({ ...row, length: config.sequenceLength, real: row }));
    },
    batchSize: config.tokenBudget === undefined ? config.batchSize : config.tokenBudget,
    tokenBudget: config.tokenBudget,
    padToMultipleOf: shapes.padToMultipleOf,
    seed: config.seed,
  });
  const batches = collated(stream, (rows) =>
    app.collate(
      rows.map((row) => (row.real as EncodedRow | undefined) ?? row),
      context,
      config.padding === 'max_length' ? { padTo: config.sequenceLength } : shapes,
    ),
  );

  const chunks: { encoded: readonly EncodedRow[] }[] = [];
  if (dev) {
    // Encoded once and kept: validation data is read again and again, and its errors must show before training.
    for await (const { encoded } of encodeSource(loaded, dev, { labels: true, signal }))
      chunks.push({ encoded });
    if (chunks.length === 0) throw new EasyNlpError('DATA_EMPTY', { file: config.dev });
    await checkMetric(loaded, config.bestMetric, chunks[0]!.encoded.slice(0, 1));
  }
  return {
    batches,
    name: train.name,
    size: `${(await train.count()).toLocaleString('en-US')} rows`,
    evaluate: dev
      ? () =>
          evaluateSource(loaded, chunks, {
            name: dev.name,
            batchSize: config.evalBatchSize ?? config.batchSize,
          })
      : null,
  };
}

/** A figure that the task does not have would never be better than another: f1 with three labels, for one. */
async function checkMetric(
  loaded: LoadedApp,
  metric: string | undefined,
  rows: readonly EncodedRow[],
): Promise<void> {
  if (metric === undefined) return;
  const { values } = await evaluateSource(loaded, [{ encoded: rows }], { name: 'dev', batchSize: 1 });
  if (metric in values) return;
  throw new EasyNlpError('CONFIG_INVALID_VALUE', {
    key: 'bestMetric',
    expected: `a figure of this task: ${Object.keys(values).join(', ')}`,
    got: JSON.stringify(metric),
  });
}
