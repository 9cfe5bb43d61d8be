import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { files } from '@easynlp/torch';
import { openArtefact } from '../appzoo/artefact.js';
import { encodeSource, evaluateSource } from '../appzoo/evaluate.js';
import { inferResults, type LoadedApp } from '../appzoo/inference.js';
import { openRuntime } from '../appzoo/runtime.js';
import {
  type EvaluateConfig,
  type EvaluateOptions,
  type PredictConfig,
  type PredictOptions,
  parseConfig,
} from '../config/index.js';
import { type Cell, type DataSource, openTable, type Row } from '../datahub/index.js';
import { EasyNlpError } from '../errors/index.js';
import { resolveModelFolder } from '../modelzoo/index.js';
import { nearest } from '../util/index.js';

export interface InferenceRunOptions {
  readonly signal?: AbortSignal;
  readonly log?: (line: string) => void;
}

export interface EvaluateResult {
  readonly metrics: Readonly<Record<string, number | null>>;
  readonly rows: number;
  /** Table of the figures per class. */
  readonly report?: string;
  readonly details?: unknown;
}

export interface PredictResult {
  readonly rows: number;
  readonly output: string;
}

type Shared = Pick<
  PredictConfig,
  | 'app'
  | 'model'
  | 'device'
  | 'precision'
  | 'numThreads'
  | 'sequenceLength'
  | 'firstSequence'
  | 'secondSequence'
> & { labelName?: string | undefined };

/** Opens a trained model where and how the configuration says. */
async function load(config: Shared): Promise<LoadedApp> {
  const runtime = openRuntime(config);
  const { app, spec, tokenizer, model } = await openArtefact(
    await resolveModelFolder(config.model),
    config.app,
  );
  model.to({ device: runtime.device });
  const changes = {
    sequenceLength: config.sequenceLength,
    firstSequence: config.firstSequence,
    secondSequence: config.secondSequence,
    labelName: config.labelName,
  };
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  return { app, context: { spec: { ...spec, ...given }, tokenizer }, model, runtime };
}

function openData(
  config: Pick<PredictConfig, 'format' | 'schema' | 'skipFirstLine'>,
  path: string,
): Promise<DataSource> {
  return openTable(path, {
    format: config.format,
    skipFirstLine: config.skipFirstLine,
    ...(config.schema === undefined ? {} : { schema: config.schema }),
  });
}

/** Figures of a trained model on labelled data. */
export async function evaluate(
  options: EvaluateOptions,
  run: InferenceRunOptions = {},
): Promise<EvaluateResult> {
  const config = parseConfig('evaluate', options) as EvaluateConfig;
  const source = await openData(config, config.data);
  const loaded = await load(config);
  try {
    const { values, rows, text, details } = await evaluateSource(
      loaded,
      encodeSource(loaded, source, { labels: true, signal: run.signal }),
      { name: source.name, batchSize: config.batchSize, tokenBudget: config.tokenBudget, signal: run.signal },
    );
    const result: EvaluateResult = {
      metrics: values,
      rows,
      ...(text === undefined ? {} : { report: text }),
      details,
    };
    if (config.output !== undefined) {
      await mkdir(dirname(resolve(config.output)), { recursive: true });
      files.writeFileAtomic(
        config.output,
        `${JSON.stringify({ metrics: values, rows, details }, null, 2)}\n`,
      );
    }
    return result;
  } finally {
    loaded.model.dispose();
  }
}

/** One cell of the output; TSV has no escapes, so what would break the table becomes a space. */
function cell(value: Cell | undefined): string {
  const text = Array.isArray(value) ? value.join(',') : String(value ?? '');
  return text.replace(/[\t\r\n\u2028\u2029]+/g, ' ');
}

function checkColumns(config: PredictConfig, loaded: LoadedApp, sources: readonly DataSource[]): void {
  const known = Object.keys(loaded.app.columns);
  for (const name of config.outputSchema) {
    if (known.includes(name)) continue;
    throw new EasyNlpError('CONFIG_INVALID_VALUE', {
      key: 'outputSchema',
      expected: `columns among ${known.join(', ')}`,
      got: JSON.stringify(name),
      hint: nearest(name, known) ? `Did you mean ${nearest(name, known)}?` : undefined,
    });
  }
  for (const source of sources) {
    const columns = source.columns?.map((c) => c.name);
    for (const name of [
      ...loaded.app.inputs.columns(loaded.context.spec, { labels: false }),
      ...config.appendCols,
    ]) {
      if (columns && !columns.includes(name)) {
        throw new EasyNlpError('DATA_COLUMN_UNKNOWN', {
          file: source.name,
          column: name,
          known: columns,
          suggestion: nearest(name, columns),
        });
      }
    }
  }
}

function appended(row: Row, name: string): string {
  const value = row.values[name];
  if (value === undefined) {
    throw new EasyNlpError('DATA_COLUMN_UNKNOWN', {
      file: row.file,
      line: row.line,
      column: name,
      known: Object.keys(row.values),
    });
  }
  return cell(value);
}

/**
 * Predicts every row of the input files into one TSV: the columns of `outputSchema`, then those of `appendCols`. The
 * input is streamed; the output appears under its name only when it is complete.
 */
export async function predict(
  options: PredictOptions,
  run: InferenceRunOptions = {},
): Promise<PredictResult> {
  const config = parseConfig('predict', options) as PredictConfig;
  if (!config.overwrite && existsSync(config.output)) {
    throw new EasyNlpError('TRAIN_OUTPUT_EXISTS', { output: config.output, what: 'results' });
  }
  const sources = await Promise.all(config.input.map((path) => openData(config, path)));
  const loaded = await load(config);
  const temporary = `${config.output}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    checkColumns(config, loaded, sources);
    await mkdir(dirname(resolve(config.output)), { recursive: true });
    const out = createWriteStream(temporary, { encoding: 'utf8' });
    let failure: Error | null = null;
    out.on('error', (error) => {
      failure = error;
    });
    const write = async (line: string) => {
      if (failure) throw failure;
      if (!out.write(`${line}\n`)) await Promise.race([once(out, 'drain'), once(out, 'close')]);
    };
    if (config.header) await write([...config.outputSchema, ...config.appendCols].join('\t'));
    const batching = { batchSize: config.batchSize, tokenBudget: config.tokenBudget, signal: run.signal };
    let rows = 0;
    for (const source of sources) {
      for await (const chunk of encodeSource(loaded, source, { labels: false, signal: run.signal })) {
        const results = await inferResults(loaded, chunk.encoded, batching);
        for (const [i, row] of chunk.rows.entries()) {
          const values = config.outputSchema.map((name) =>
            cell(loaded.app.columns[name]!(results[i], loaded.context)),
          );
          await write([...values, ...config.appendCols.map((name) => appended(row, name))].join('\t'));
        }
        rows += chunk.rows.length;
      }
    }
    if (rows === 0) throw new EasyNlpError('DATA_EMPTY', { file: config.input.join(', ') });
    out.end();
    await once(out, 'close');
    if (failure) throw failure;
    await rename(temporary, config.output);
    return { rows, output: config.output };
  } catch (error) {
    await rm(temporary, { force: true });
    if (isSystem(error)) {
      throw new EasyNlpError(
        'TRAIN_OUTPUT',
        { output: config.output, reason: error.message },
        { cause: error },
      );
    }
    throw error;
  } finally {
    loaded.model.dispose();
  }
}

function isSystem(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string';
}
