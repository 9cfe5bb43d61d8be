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
  /** Positions of the batch's rows in the list that was given; of parts, those of the rows that they belong to. */
  readonly indices: readonly number[];
  /** Which part of its row each one is, from 0. */
  readonly parts: readonly number[];
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
    const units = encoded.flatMap((row, index) =>
      (app.parts?.(row) ?? [row]).map((unit, part) => ({ unit, index, part })),
    );
    const plan = planBatches(
      units.map(({ unit }) => unit.length),
      { batchSize: tokenBudget === undefined ? batchSize : units.length, tokenBudget },
      null,
    );
    for (const places of plan) {
      signal?.throwIfAborted();
      const chosen = places.map((i) => units[i]!);
      const rows = chosen.map(({ unit }) => unit);
      yield {
        outputs: forwardBatch(model, app.collate(rows, context), runtime),
        indices: chosen.map(({ index }) => index),
        parts: chosen.map(({ part }) => part),
        rows,
      };
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
  const { app, context } = loaded;
  const parted = encoded.map((): unknown[] => []);
  for await (const { outputs, indices, parts, rows } of inferBatches(loaded, encoded, options)) {
    for (const [i, result] of app.decode(outputs, context, rows).entries())
      parted[indices[i]!]![parts[i]!] = result;
  }
  const results = parted.map((own, i) => (app.join ? app.join(own, encoded[i]!, context) : own[0]));
  return app.followUp ? followUp(loaded, encoded, results, options) : results;
}

/** Asks what follows from the results, all rows together, until nothing does. */
async function followUp(
  loaded: LoadedApp,
  encoded: readonly EncodedRow[],
  results: readonly unknown[],
  options: InferenceOptions,
): Promise<unknown[]> {
  const { app, context } = loaded;
  const next = await Promise.all(results.map((result, i) => app.followUp!(result, encoded[i]!, context)));
  const asked = next.flatMap((question, i) => (question === null ? [] : [{ question, i }]));
  if (asked.length === 0) return [...results];
  const answers = await inferResults(
    loaded,
    asked.map(({ question }) => question.row),
    options,
  );
  const out = [...results];
  for (const [k, { question, i }] of asked.entries()) out[i] = question.complete(answers[k]);
  return out;
}
