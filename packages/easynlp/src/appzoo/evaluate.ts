import type { DataSource, EncodedRow, Row } from '../datahub/index.js';
import { EasyNlpError } from '../errors/index.js';
import type { MetricReport } from './app.js';
import { type InferenceOptions, inferBatches, type LoadedApp } from './inference.js';

export interface Evaluation extends MetricReport {
  readonly rows: number;
}

/** Rows that are tokenized and held together. */
const CHUNK = 8192;

/** Encoded rows of a source, chunk by chunk; a small source that is evaluated often can be kept by the caller. */
export async function* encodeSource(
  { app, context }: LoadedApp,
  source: DataSource,
  options: { labels: boolean; signal?: AbortSignal | undefined },
): AsyncGenerator<{ rows: Row[]; encoded: EncodedRow[] }, void, undefined> {
  let rows: Row[] = [];
  const flush = async () => ({ rows, encoded: await app.encode(rows, context, { labels: options.labels }) });
  for await (const row of source.rows(options.signal ? { signal: options.signal } : {})) {
    rows.push(row);
    if (rows.length < CHUNK) continue;
    yield await flush();
    rows = [];
  }
  if (rows.length > 0) yield await flush();
}

/** Runs the app's metrics over labelled data. The model comes back in the mode it was in. */
export async function evaluateSource(
  loaded: LoadedApp,
  chunks: AsyncIterable<{ encoded: readonly EncodedRow[] }> | Iterable<{ encoded: readonly EncodedRow[] }>,
  options: InferenceOptions & { name: string },
): Promise<Evaluation> {
  const metrics = loaded.app.metrics.create(loaded.context.spec);
  let rows = 0;
  for await (const { encoded } of chunks) {
    rows += encoded.length;
    for await (const batch of inferBatches(loaded, encoded, options)) metrics.add(batch.outputs, batch.rows);
  }
  if (rows === 0) throw new EasyNlpError('DATA_EMPTY', { file: options.name });
  return { ...metrics.report(), rows };
}
