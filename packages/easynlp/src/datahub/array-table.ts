import type { Cell, Column, DataSource, Row } from './types.js';

/** A table over rows in memory, e.g. the sentences given to a pipeline. `line` counts from 1. */
export function tableFromArray(
  rows: readonly Readonly<Record<string, Cell>>[],
  options: { name?: string; columns?: readonly Column[] } = {},
): DataSource {
  const name = options.name ?? 'rows in memory';
  return {
    name,
    columns: options.columns ?? null,
    async *rows({ start = 0, signal } = {}): AsyncGenerator<Row, void, undefined> {
      for (let i = start; i < rows.length; i++) {
        signal?.throwIfAborted();
        yield { values: rows[i]!, file: name, line: i + 1 };
      }
    },
    count: async () => rows.length,
  };
}
