import type { Column, DataSource, EncodedRow, Row } from '../datahub/index.js';
import type { LoadedApp } from './inference.js';

/** Rows encoded together. */
const CHUNK = 256;

const parts = new WeakMap<Row, EncodedRow>();

/** The encoded part that a row of a `PartsTable` stands for. */
export function partOf(row: Row): EncodedRow {
  return parts.get(row)!;
}

/**
 * A table whose rows are the parts of another's (`App.parts`), so that training batches and shuffles parts as it does
 * rows. Each has the place of the row that it belongs to.
 */
export class PartsTable implements DataSource {
  readonly name: string;
  readonly columns: readonly Column[] | null;
  #count: Promise<number> | undefined;

  constructor(
    private readonly source: DataSource,
    private readonly loaded: Pick<LoadedApp, 'app' | 'context'>,
  ) {
    this.name = source.name;
    this.columns = source.columns;
  }

  async *rows({ start = 0, signal }: { start?: number; signal?: AbortSignal } = {}): AsyncGenerator<Row> {
    const { app, context } = this.loaded;
    let skip = start;
    const split = async (rows: readonly Row[]): Promise<Row[]> => {
      const out: Row[] = [];
      for (const [i, encoded] of (await app.encode(rows, context, { labels: true })).entries()) {
        for (const part of app.trainedParts?.(encoded, context.spec) ?? app.parts!(encoded)) {
          if (skip-- > 0) continue;
          const row: Row = { ...rows[i]! };
          parts.set(row, part);
          out.push(row);
        }
      }
      return out;
    };
    let rows: Row[] = [];
    for await (const row of this.source.rows(signal ? { signal } : {})) {
      rows.push(row);
      if (rows.length < CHUNK) continue;
      yield* await split(rows);
      rows = [];
    }
    if (rows.length > 0) yield* await split(rows);
  }

  count(): Promise<number> {
    this.#count ??= (async () => {
      let count = 0;
      for await (const _ of this.rows()) count++;
      return count;
    })();
    this.#count.catch(() => {
      this.#count = undefined;
    });
    return this.#count;
  }
}
