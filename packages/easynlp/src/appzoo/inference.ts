import { setImmediate as turn } from 'node:timers/promises';
import { type EncodedRow, planBatches } from '../datahub/index.js';
import type { App, AppContext, AppModel, HostOutputs, TaskSpec } from './app.js';
import { forwardBatch, type Runtime } from './runtime.js';

/** A model ready to answer: the app, its task, and where it runs. */
export interface LoadedApp {
  readonly app: App;
  readonly context: AppContext<TaskSpec>;
  readonly model: AppModel;
  readonly runtime: Runtime;
}

export interface InferenceOptions {
  readonly batchSize: number;
  readonly tokenBudget?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface InferredBatch {
  readonly outputs: HostOutputs;
  /** Positions of the batch's rows in the list that was given. */
  readonly indices: readonly number[];
  readonly rows: readonly EncodedRow[];
}

/**
 * Runs encoded rows through the model in batches of similar length. Evaluation, prediction and pipelines all come
 * through here. The event loop gets a turn after every batch, so servers and signals live on.
 */
export async function* inferBatches(
  { app, context, model, runtime }: LoadedApp,
  encoded: readonly EncodedRow[],
  { batchSize, tokenBudget, signal }: InferenceOptions,
): AsyncGenerator<InferredBatch, void, undefined> {
  const wasTraining = model.training;
  model.eval();
  try {
    const plan = planBatches(
      encoded.map((row) => row.length),
      { batchSize: tokenBudget === undefined ? batchSize : encoded.length, tokenBudget },
      null,
    );
    for (const indices of plan) {
      signal?.throwIfAborted();
      const rows = indices.map((i) => encoded[i]!);
      yield { outputs: forwardBatch(model, app.collate(rows, context), runtime), indices, rows };
      await turn();
    }
  } finally {
    model.train(wasTraining);
  }
}

/** Results of rows in their own order. */
export async function inferResults(
  loaded: LoadedApp,
  encoded: readonly EncodedRow[],
  options: InferenceOptions,
): Promise<unknown[]> {
  const results = new Array<unknown>(encoded.length);
  for await (const { outputs, indices, rows } of inferBatches(loaded, encoded, options)) {
    for (const [i, result] of loaded.app.decode(outputs, loaded.context, rows).entries())
      results[indices[i]!] = result;
  }
  return results;
}
