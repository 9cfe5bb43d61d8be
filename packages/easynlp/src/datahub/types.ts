/** One cell of a row after its schema was applied. */
export type Cell = string | number | boolean | null | readonly string[] | readonly number[];

/** One row of a table and where it stands, so that every later error can name the place. */
export interface Row {
  readonly values: Readonly<Record<string, Cell>>;
  readonly file: string;
  /** Line in the file, from 1; the record number for Parquet. */
  readonly line: number;
  /** Items of lists stand on lines of their own, from `line` on (CoNLL's columns). */
  readonly itemLines?: boolean;
}

/** A column of EasyNLP's `name:type:length` schemas; a length above 1 means a comma-separated list. */
export interface Column {
  readonly name: string;
  readonly type: 'str' | 'int' | 'float';
  readonly length: number;
}

/** A table that is read as a stream: nothing here holds the whole file in memory. */
export interface DataSource {
  /** File name, for messages. */
  readonly name: string;
  /** Null when the columns are only known row by row (JSON Lines). */
  readonly columns: readonly Column[] | null;
  /** Rows in file order; `start` data rows are skipped cheaply. */
  rows(options?: { start?: number; signal?: AbortSignal }): AsyncIterable<Row>;
  /** Number of data rows, by one streaming pass; remembered. */
  count(): Promise<number>;
}

/** A tensor's content before it is handed to the tensor engine (row-major). */
export interface HostTensor {
  readonly data: Int32Array | BigInt64Array | Float32Array | Uint8Array;
  readonly shape: readonly number[];
  readonly dtype: 'int32' | 'int64' | 'float32' | 'bool';
}

/** A padded batch in host memory. */
export interface HostBatch {
  readonly tensors: Readonly<Record<string, HostTensor>>;
  /** Number of rows. */
  readonly size: number;
  /** Tokens that are not padding. */
  readonly tokens: number;
  /** Tokens including padding: rows × padded length. */
  readonly paddedTokens: number;
}

/** A row after an app encoded it; the batcher reads its length, the app's collation the rest. */
export interface EncodedRow {
  /** Tokens, special ones included. */
  readonly length: number;
  readonly [feature: string]: unknown;
}
