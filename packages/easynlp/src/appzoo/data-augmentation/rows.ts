import type { Row } from '../../datahub/index.js';
import { inferResults, type LoadedApp } from '../inference.js';
import type { AugmentedText } from './index.js';
import type { DataAugmentationSpec } from './spec.js';

const copies = new WeakMap<Row, number>();

/** The how manieth copy of its row this is, from 0: each has words of its own masked. */
export function copyNumber(row: Row): number {
  return copies.get(row) ?? 0;
}

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
  const { copies: count, ...inference } = options;
  const spec = loaded.context.spec as DataAugmentationSpec;
  const change = async (chunk: readonly Row[]) => {
    const wanted = chunk.flatMap((row) =>
      Array.from({ length: count }, (_, number) => {
        const copy = { ...row };
        copies.set(copy, number);
        return copy;
      }),
    );
    const encoded = await loaded.app.encode(wanted, loaded.context, { labels: false });
    const texts = (await inferResults(loaded, encoded, inference)) as AugmentedText[];
    return chunk.map((row, i) => ({
      row,
      changed: texts.slice(i * count, (i + 1) * count).map(({ text, secondText }) => ({
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
    if (chunk.length * count < CHUNK) continue;
    yield* await change(chunk);
    chunk = [];
  }
  if (chunk.length > 0) yield* await change(chunk);
}
