import type { Row } from '../../datahub/index.js';
import { inferResults, type LoadedApp } from '../inference.js';
import type { AugmentedText } from './index.js';
import type { DataAugmentationSpec } from './spec.js';

/** Mark of a copy's number; no column of a file can have this name. */
export const COPY = '\u0000copy';

/** Rows encoded and held together: each has 4 bytes × vocabulary of logits for every masked token of its batch. */
const CHUNK = 256;

/**
 * `copies` changed rows of each, in its place; the other columns stay as they are.
 *
 * @param loaded the app `data_augmentation` with the columns and settings in its spec
 */
export async function* augmentRows(
  loaded: LoadedApp,
  rows: AsyncIterable<Row>,
  options: { copies: number; batchSize: number; signal?: AbortSignal | undefined },
): AsyncGenerator<{ row: Row; changed: Row[] }, void, undefined> {
  const { copies, ...inference } = options;
  const spec = loaded.context.spec as DataAugmentationSpec;
  const change = async (chunk: readonly Row[]) => {
    const wanted = chunk.flatMap((row) =>
      Array.from({ length: copies }, (_, copy) => ({ ...row, values: { ...row.values, [COPY]: copy } })),
    );
    const encoded = await loaded.app.encode(wanted, loaded.context, { labels: false });
    const texts = (await inferResults(loaded, encoded, inference)) as AugmentedText[];
    return chunk.map((row, i) => ({
      row,
      changed: texts.slice(i * copies, (i + 1) * copies).map(({ text, secondText }) => ({
        ...row,
        values: {
          ...row.values,
          [spec.firstSequence]: text,
          ...(spec.secondSequence === null ? {} : { [spec.secondSequence]: secondText! }),
        },
      })),
    }));
  };
  let chunk: Row[] = [];
  for await (const row of rows) {
    chunk.push(row);
    if (chunk.length * copies < CHUNK) continue;
    yield* await change(chunk);
    chunk = [];
  }
  if (chunk.length > 0) yield* await change(chunk);
}
