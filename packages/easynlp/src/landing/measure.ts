import { openArtefact } from '../appzoo/artefact.js';
import { inferResults } from '../appzoo/inference.js';
import { openRuntime } from '../appzoo/runtime.js';
import { openTable, type Row } from '../datahub/index.js';
import type { LandConfig } from './options.js';

export interface Speed {
  readonly parameters: number;
  /** From text to label, tokenization included: median over the repetitions, milliseconds a row. */
  readonly millisecondsPerRow: number;
  readonly batchSize: number;
  readonly rows: number;
  readonly repetitions: number;
}

/** Rows that are timed: enough for several batches, few enough for a large model on a CPU. */
const MOST_ROWS = 512;
const REPETITIONS = { least: 3, most: 10, seconds: 4 };

type Machine = Pick<
  LandConfig,
  'device' | 'precision' | 'numThreads' | 'timingBatchSize' | 'format' | 'schema' | 'skipFirstLine'
>;

/** How long a trained model takes a row of `data`, in batches, after a warm-up. */
export async function measureSpeed(folder: string, data: string, machine: Machine): Promise<Speed> {
  const runtime = openRuntime(machine);
  const { app, spec, tokenizer, model } = await openArtefact(folder);
  try {
    model.to({ device: runtime.device });
    const loaded = { app, context: { spec, tokenizer }, model, runtime };
    const source = await openTable(data, {
      format: machine.format,
      skipFirstLine: machine.skipFirstLine,
      ...(machine.schema === undefined ? {} : { schema: machine.schema }),
    });
    const rows: Row[] = [];
    for await (const row of source.rows()) if (rows.push(row) === MOST_ROWS) break;
    const batchSize = machine.timingBatchSize;
    const once = async () => {
      const start = performance.now();
      const encoded = await app.encode(rows, loaded.context, { labels: false });
      await inferResults(loaded, encoded, { batchSize });
      return performance.now() - start;
    };
    await once(); // threads start, memory is taken, kernels are chosen
    const times: number[] = [];
    const total = () => times.reduce((sum, time) => sum + time, 0);
    while (
      times.length < REPETITIONS.least ||
      (times.length < REPETITIONS.most && total() < REPETITIONS.seconds * 1000)
    ) {
      times.push(await once());
    }
    times.sort((a, b) => a - b);
    return {
      parameters: model.parameterCount().count,
      millisecondsPerRow: times[times.length >> 1]! / rows.length,
      batchSize,
      rows: rows.length,
      repetitions: times.length,
    };
  } finally {
    model.dispose();
  }
}
