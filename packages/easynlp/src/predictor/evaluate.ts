import { encodeSource, evaluateSource } from '../appzoo/evaluate.js';
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

/**
 * Figures of a trained model on labelled data.
 *
 * @example
 * const { metrics } = await evaluate({ model: 'out/model', data: 'dev.tsv' });
 */
export async function evaluate(
  options: EvaluateOptions,
  run: InferenceRunOptions = {},
): Promise<EvaluateResult> {
  const config = parseConfig('evaluate', options) as EvaluateConfig;
  const source = await openData(config, config.data);
  const loaded = await loadModel(config);
  let output: OutputFile | null = null;
  try {
    checkColumns(source, loaded.app.inputs.columns(loaded.context.spec, { labels: true }));
    if (config.output !== undefined) output = await OutputFile.create(config.output);
    const { values, rows, text, details } = await evaluateSource(
      loaded,
      encodeSource(loaded, source, { labels: true, signal: run.signal }),
      { name: source.name, batchSize: config.batchSize, tokenBudget: config.tokenBudget, signal: run.signal },
    );
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
