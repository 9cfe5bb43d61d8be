import type { z } from 'zod';
import { chosenColumn, columnNames, TEXT_COLUMNS, textOf } from '../appzoo/sequence/index.js';
import type { TaggingConfig } from '../config/index.js';
import { openTable, readLines } from '../datahub/index.js';
import { EasyNlpError } from '../errors/index.js';
import { nearest } from '../util/index.js';
import { OutputFile } from './output-file.js';

/** Checks options against their schema. @throws EasyNlpError CONFIG_INVALID_VALUE, CONFIG_UNKNOWN_KEY */
export function checkedOptions<S extends z.ZodObject>(schema: S, options: unknown): z.output<S> {
  const result = schema.safeParse(options);
  const issue = result.error?.issues[0];
  if (!issue) return result.data as z.output<S>;
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0]!;
    throw new EasyNlpError('CONFIG_UNKNOWN_KEY', {
      key,
      suggestion: nearest(key, Object.keys(schema.shape)) ?? undefined,
    });
  }
  throw new EasyNlpError('CONFIG_INVALID_VALUE', { key: issue.path.join('.'), expected: issue.message });
}

/** The texts of a file: lines of a .txt file that are not empty, or a column of a table. */
export async function* textsOfFile(
  path: string,
  { format = 'auto', schema, column }: Partial<Pick<TaggingConfig, 'format' | 'schema' | 'column'>>,
): AsyncGenerator<string> {
  if (format === 'auto' && /\.txt(\.gz)?$/i.test(path)) {
    for await (const { lines } of readLines(path))
      for (const line of lines) if (line.trim() !== '') yield line;
    return;
  }
  const source = await openTable(path, { format, ...(schema === undefined ? {} : { schema }) });
  const name = chosenColumn(column, TEXT_COLUMNS, await columnNames(source), 'text', source.name);
  for await (const row of source.rows()) yield textOf(row, name);
}

/** Writes a JSON object a line; the file appears when it is complete. @returns the number of lines */
export async function writeJsonLines(
  path: string,
  rows: AsyncIterable<{ readonly text: string; readonly result: unknown }>,
): Promise<number> {
  const output = await OutputFile.create(path);
  let count = 0;
  try {
    for await (const { text, result } of rows) {
      await output.write(`${JSON.stringify({ text, ...(result as object) })}\n`);
      count++;
    }
    await output.publish();
  } catch (error) {
    await output.discard();
    throw error;
  }
  return count;
}
