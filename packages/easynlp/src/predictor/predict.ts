import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { encodeSource } from '../appzoo/evaluate.js';
import { inferResults, type LoadedApp } from '../appzoo/inference.js';
import { getApp } from '../appzoo/registry.js';
import {
  type PredictConfig,
  type PredictOptions,
  parseConfig,
  predictConfigSchema,
} from '../config/index.js';
import type { Cell, DataSource, Row } from '../datahub/index.js';
import { EasyNlpError } from '../errors/index.js';
import { nearest } from '../util/index.js';
import type { InferenceRunOptions } from './evaluate.js';
import { checkColumns, loadModel, openData } from './open-model.js';
import { OutputFile } from './output-file.js';

export interface PredictResult {
  readonly rows: number;
  readonly output: string;
}

/** One cell of the output; TSV has no escapes, so what would break the table becomes a space. */
function cell(value: Cell | undefined): string {
  const text = Array.isArray(value) ? value.join(',') : String(value ?? '');
  return text.replace(/[\t\r\n\v\f\u0085\u2028\u2029]+/g, ' ');
}

/** The columns to write: those that were asked for; of the default ones, those that the task has. */
function outputSchemaOf(config: PredictConfig, loaded: LoadedApp): readonly string[] {
  const known = Object.keys(loaded.app.columns);
  const usual = predictConfigSchema.shape.outputSchema.def.defaultValue as readonly string[];
  if (config.outputSchema.join() === usual.join()) return usual.filter((name) => known.includes(name));
  for (const name of config.outputSchema) {
    if (known.includes(name)) continue;
    throw new EasyNlpError('CONFIG_INVALID_VALUE', {
      key: 'outputSchema',
      expected: `columns among ${known.join(', ')}`,
      got: JSON.stringify(name),
      suggestion: nearest(name, known) ?? undefined,
    });
  }
  return config.outputSchema;
}

/** The output replaces what is there, but never the data that it is made from. */
async function checkOutputPath(config: PredictConfig, output = config.output): Promise<void> {
  if (!existsSync(output)) return;
  if (!config.overwrite) {
    throw new EasyNlpError('TRAIN_OUTPUT_EXISTS', { output, what: 'results' });
  }
  const target = await realpath(output);
  for (const input of config.input) {
    if (existsSync(input) && (await realpath(input)) === target) {
      throw new EasyNlpError('CONFIG_CONFLICT', {
        problem: `input and output are the same file (${input})`,
        hint: 'The results would replace the data. Give another output file.',
      });
    }
  }
}

function appended(row: Row, name: string): string {
  const value = row.values[name];
  if (value === undefined) {
    const known = Object.keys(row.values);
    throw new EasyNlpError('DATA_COLUMN_UNKNOWN', {
      file: row.file,
      line: row.line,
      column: name,
      known,
      suggestion: nearest(name, known),
    });
  }
  return cell(value);
}

interface RowsOptions {
  readonly sources: readonly DataSource[];
  readonly write: (text: string) => Promise<void>;
  readonly signal?: AbortSignal | undefined;
  readonly each?: ((result: unknown, row: Row) => void) | undefined;
}

/** One line a row: its results, then the columns to append. @returns the number of rows */
async function predictRows(
  loaded: LoadedApp,
  config: PredictConfig,
  { sources, write, signal, each }: RowsOptions,
): Promise<number> {
  const outputSchema = outputSchemaOf(config, loaded);
  const read = loaded.app.inputs.columns(loaded.context.spec, { labels: false });
  for (const source of sources) checkColumns(source, [...read, ...config.appendCols]);
  await write(config.header ? `${[...outputSchema, ...config.appendCols].join('\t')}\n` : '');
  const batching = { batchSize: config.batchSize, tokenBudget: config.tokenBudget, signal };
  let rows = 0;
  for (const source of sources) {
    for await (const chunk of encodeSource(loaded, source, { labels: false, signal })) {
      const results = await inferResults(loaded, chunk.encoded, batching);
      if (each) for (const [i, row] of chunk.rows.entries()) each(results[i], row);
      const lines = chunk.rows.map((row, i) =>
        [
          ...outputSchema.map((name) => cell(loaded.app.columns[name]!(results[i], loaded.context))),
          ...config.appendCols.map((name) => appended(row, name)),
        ].join('\t'),
      );
      await write(`${lines.join('\n')}\n`);
      rows += chunk.rows.length;
    }
  }
  return rows;
}

/**
 * Predicts every row of the input files into one TSV: the columns of `outputSchema`, then those of `appendCols`. The
 * input is streamed; the output appears under its name only when it is complete.
 *
 * @example
 * await predict({ model: 'out/model', input: ['texts.tsv'], output: 'predictions.tsv', appendCols: ['text'] });
 */
export async function predict(
  options: PredictOptions & Readonly<Record<string, unknown>>,
  run: InferenceRunOptions = {},
): Promise<PredictResult> {
  const appOptions = options.app === undefined ? undefined : getApp(options.app).predictOptions;
  const config = parseConfig('predict', options, appOptions) as PredictConfig;
  await checkOutputPath(config);
  const sources = await Promise.all(config.input.map((path) => openData(config, path)));
  const loaded = await loadModel(config);
  let output: OutputFile | null = null as OutputFile | null;
  const others: OutputFile[] = [];
  try {
    const write = async (data: string | Uint8Array) => {
      output ??= await OutputFile.create(config.output);
      await output.write(data);
    };
    const { log = () => {}, signal } = run;
    const writeRows = (changed: LoadedApp, each?: (result: unknown, row: Row) => void) =>
      predictRows(changed, config, { sources, write, signal, each });
    const rows = loaded.app.predictData
      ? await loaded.app.predictData(loaded, config, {
          sources,
          write,
          patch: async (data, position) => output!.patch(data, position),
          writeRows,
          writeFile: async (path, text) => {
            await checkOutputPath(config, path);
            const other = await OutputFile.create(path);
            others.push(other);
            await other.write(text);
          },
          log,
          signal,
        })
      : await writeRows(loaded);
    if (rows === 0) throw new EasyNlpError('DATA_EMPTY', { file: config.input.join(', ') });
    for (const other of others) await other.publish();
    await output!.publish();
    return { rows, output: config.output };
  } catch (error) {
    for (const file of [output, ...others]) await file?.discard();
    throw error;
  } finally {
    loaded.model.dispose();
  }
}
