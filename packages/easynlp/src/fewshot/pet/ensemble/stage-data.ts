import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrainConfig } from '../../../config/index.js';
import { type DataSource, openTable, type Row } from '../../../datahub/index.js';
import { EasyNlpError } from '../../../errors/index.js';
import { type PromptSpec, promptColumns, promptText } from '../../prompt/index.js';

/** A row of a stage's file: texts by column, and more. */
export type StageRow = Record<string, string | number | readonly number[]>;

export async function writeRows(path: string, rows: readonly StageRow[]): Promise<string> {
  await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path;
}

/** Texts of all patterns' columns of a row. @throws EasyNlpError DATA_COLUMN_UNKNOWN, DATA_CELL */
function textsOf(row: Row, specs: readonly PromptSpec[]): Record<string, string> {
  const columns = new Set(specs.flatMap(promptColumns));
  return Object.fromEntries([...columns].map((column) => [column, promptText(row, column)]));
}

/** Labelled rows of a table with the columns that are needed. */
export async function labelledStageRows(
  source: DataSource,
  specs: readonly PromptSpec[],
): Promise<StageRow[]> {
  const { labelName } = specs[0]!;
  const rows: StageRow[] = [];
  for await (const row of source.rows()) {
    rows.push({ ...textsOf(row, specs), [labelName]: String(row.values[labelName]) });
  }
  return rows;
}

/** Opens a file without labels: by its own name where that says what it is, else like the labelled ones. */
export function openUnlabelled(
  path: string,
  config: TrainConfig & { readonly unlabelledSchema?: string | undefined },
): Promise<DataSource> {
  const named = /\.(jsonl|ndjson|json|parquet)(\.gz)?$/i.test(path);
  const schema = config.unlabelledSchema ?? config.schema;
  return openTable(path, {
    format: named ? 'auto' : config.format,
    skipFirstLine: config.skipFirstLine,
    ...(named || schema === undefined ? {} : { schema }),
  });
}

/** The first `limit` rows of the files without labels. */
export async function unlabelledStageRows(
  config: TrainConfig & { readonly unlabelled: readonly string[] },
  specs: readonly PromptSpec[],
  limit: number,
): Promise<StageRow[]> {
  const rows: StageRow[] = [];
  for (const path of config.unlabelled) {
    const source = await openUnlabelled(path, config);
    for await (const row of source.rows()) {
      if (rows.length >= limit) return rows;
      rows.push(textsOf(row, specs));
    }
  }
  if (rows.length === 0) throw new EasyNlpError('DATA_EMPTY', { file: config.unlabelled.join(', ') });
  return rows;
}

/** The files that all stages read. */
export async function writeStageData(
  folder: string,
  parts: Readonly<Record<string, readonly StageRow[]>>,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, rows] of Object.entries(parts)) await writeRows(join(folder, `${name}.jsonl`), rows);
}
