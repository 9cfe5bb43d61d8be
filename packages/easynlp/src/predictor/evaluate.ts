import { type Evaluation, encodeSource, evaluateSource } from '../appzoo/evaluate.js';
import type { LoadedApp } from '../appzoo/inference.js';
import { getApp } from '../appzoo/registry.js';
import { type EvaluateConfig, type EvaluateOptions, parseConfig } from '../config/index.js';
import { checkColumns, loadModel, openData } from './open-model.js';
import { OutputFile } from './output-file.js';

/** Things around a run that are not part of its configuration. */
export interface InferenceRunOptions {
  /** Aborting ends the run after the current batch; nothing is written. */
  readonly signal?: AbortSignal;
  /** Where lines for people go. Default: nowhere. */
  readonly log?: (line: string) => void;
}

export interface EvaluateResult {
  /** Figures by name; null where one is undefined (AUC with a single class). */
  readonly metrics: Readonly<Record<string, number | null>>;
  readonly rows: number;
  /** Table of the figures per class. */
  readonly report?: string;
  readonly details?: unknown;
}

/** Opens and checks a table of labelled rows before anything is computed. */
async function onTable(
  loaded: LoadedApp,
  config: EvaluateConfig,
  signal: AbortSignal | undefined,
): Promise<() => Promise<Evaluation>> {
  const { batchSize, tokenBudget } = config;
  const source = await openData(config, config.data);
  checkColumns(source, loaded.app.inputs.columns(loaded.context.spec, { labels: true }));
  return () =>
    evaluateSource(loaded, encodeSource(loaded, source, { labels: true, signal }), {
      name: source.name,
      batchSize,
      tokenBudget,
      signal,
    });
}

/**
 * Figures of a trained model on labelled data; of a language model on documents.
 *
 *
 * @example
 * const { metrics } = await evaluate({ model: 'out/model', data: 'dev.tsv' });
 */
export async function evaluate(
  options: EvaluateOptions & Readonly<Record<string, unknown>>,
  run: InferenceRunOptions = {},
): Promise<EvaluateResult> {
  const appOptions = options.app === undefined ? undefined : getApp(options.app).evaluateOptions;
  const config = parseConfig('evaluate', options, appOptions) as EvaluateConfig;
  const loaded = await loadModel(config);
  let output: OutputFile | null = null;
  try {
    const measure = loaded.app.evaluateData
      ? () => loaded.app.evaluateData!(loaded, config, { log: run.log ?? (() => {}), signal: run.signal })
      : await onTable(loaded, config, run.signal);
    if (config.output !== undefined) output = await OutputFile.create(config.output);
    const { values, rows, text, details } = await measure();
    if (output) {
      await output.write(`${JSON.stringify({ metrics: values, rows, details }, null, 2)}\n`);
      await output.publish();
    }
    return { metrics: values, rows, ...(text === undefined ? {} : { report: text }), details };
  } catch (error) {
    await output?.discard();
    throw error;
  } finally {
    loaded.model.dispose();
  }
}
