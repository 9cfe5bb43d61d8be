import type { App } from '../../appzoo/app.js';
import type { Cell, DataSource, EncodedRow, HostBatch, HostTensor, Row } from '../../datahub/index.js';
import { floatMatrix } from '../../datahub/index.js';
import type { LogitsTable } from './logits-rows.js';

interface Mark {
  readonly labelled: boolean;
  /** The teacher's; null where it is asked during training. */
  readonly teacherLogits: readonly number[] | null;
  /** How much the row counts; null = all alike. */
  readonly weight: number | null;
}

/** What rows of a `TaughtTable` carry to the encoder beside their cells. */
const marks = new WeakMap<Row, Mark>();

const SAMPLE = 64;

/** Rows and what the teacher thinks of them; null where it is asked during training. */
export interface TaughtRows {
  readonly source: DataSource;
  readonly logits: LogitsTable | null;
  /** How much each row counts; missing = all alike. */
  readonly weights?: Float32Array | null;
}

export interface TaughtTableParts {
  readonly labelled: TaughtRows;
  /** Rows whose label, if they have any, does not count. */
  readonly unlabelled: readonly TaughtRows[];
  /** Times that an epoch gives each labelled row. */
  readonly repeat: number;
  /** Cells that stand in for those of the label in unlabelled rows. */
  readonly placeholder: Readonly<Record<string, Cell>>;
}

/**
 * Labelled rows, `repeat` times, and unlabelled ones, spread evenly among one another: a table that is longer than the
 * shuffled window must not hold all of one kind at its end.
 */
export class TaughtTable implements DataSource {
  readonly name: string;
  readonly columns: DataSource['columns'];
  private sizes: Promise<number[]> | undefined;

  constructor(private readonly parts: TaughtTableParts) {
    this.name = [parts.labelled, ...parts.unlabelled].map(({ source }) => source.name).join(' + ');
    this.columns = parts.labelled.source.columns;
  }

  /** Rows of the labelled table, then of each unlabelled one. */
  private counts(): Promise<number[]> {
    const { labelled, unlabelled } = this.parts;
    this.sizes ??= Promise.all([labelled, ...unlabelled].map(({ source }) => source.count()));
    return this.sizes;
  }

  private async halves(): Promise<{ labelled: number; total: number }> {
    const [own, ...others] = await this.counts();
    const labelled = own! * this.parts.repeat;
    return { labelled, total: others.reduce((sum, n) => sum + n, labelled) };
  }

  async count(): Promise<number> {
    return (await this.halves()).total;
  }

  /** Logits of some rows of every part: what tells one teacher from another. float32, all parts one after the other. */
  sample(): Float32Array {
    const { labelled, unlabelled } = this.parts;
    const rows = [labelled, ...unlabelled].flatMap(({ logits }) => {
      if (logits === null || logits.rows === 0) return [];
      const { data, width } = logits;
      return Array.from({ length: SAMPLE }, (_, i) => {
        const row = Math.floor((i * logits.rows) / SAMPLE);
        return Array.from(data.subarray(row * width, (row + 1) * width));
      });
    });
    return Float32Array.from(rows.flat());
  }

  async *rows(options: { start?: number; signal?: AbortSignal } = {}): AsyncGenerator<Row, void, undefined> {
    const { start = 0 } = options;
    const signal = options.signal ? { signal: options.signal } : {};
    const { labelled, total } = await this.halves();
    if (start >= total) return;
    const before = (at: number) => Math.floor((at * labelled) / total);
    const gold = this.gold(before(start), signal);
    const others = this.others(start - before(start), signal);
    try {
      for (let at = start; at < total; at++) {
        const { value, done } = await (before(at + 1) > before(at) ? gold : others).next();
        if (done) return;
        yield value;
      }
    } finally {
      await gold.return();
      await others.return();
    }
  }

  private async *gold(start: number, signal: { signal?: AbortSignal }): AsyncGenerator<Row, void, undefined> {
    const { labelled, repeat } = this.parts;
    const [size] = await this.counts();
    for (let round = Math.floor(start / size!), from = start % size!; round < repeat; round++, from = 0) {
      yield* marked(labelled, from, signal, true);
    }
  }

  private async *others(
    start: number,
    signal: { signal?: AbortSignal },
  ): AsyncGenerator<Row, void, undefined> {
    const sizes = (await this.counts()).slice(1);
    let from = start;
    for (const [k, part] of this.parts.unlabelled.entries()) {
      if (from >= sizes[k]!) {
        from -= sizes[k]!;
        continue;
      }
      yield* marked(part, from, signal, false, this.parts.placeholder);
      from = 0;
    }
  }
}

async function* marked(
  { source, logits, weights = null }: TaughtRows,
  start: number,
  signal: { signal?: AbortSignal },
  labelled: boolean,
  cells: Readonly<Record<string, Cell>> = {},
): AsyncGenerator<Row, void, undefined> {
  let at = start;
  for await (const { values, ...place } of source.rows({ start, ...signal })) {
    const row: Row = { ...place, values: { ...values, ...cells } };
    const teacherLogits =
      logits && Array.from(logits.data.subarray(at * logits.width, (at + 1) * logits.width));
    marks.set(row, { labelled, teacherLogits, weight: weights && weights[at]! });
    at++;
    yield row;
  }
}

interface TaughtRow extends EncodedRow {
  readonly teacherLogits?: readonly number[];
  /** Missing for rows of other tables, such as those of validation. */
  readonly labelled?: boolean;
  readonly rowWeight?: number;
}

/**
 * The app with what a `TaughtTable` knows in its batches: `teacherLogits` [B, C], `labelled` [B], 1 where the label
 * counts, and `rowWeights` [B] where rows have weights. Rows of other tables pass as they are.
 */
export function taughtApp(app: App): App {
  return {
    ...app,
    async encode(rows, context, options) {
      const encoded = await app.encode(rows, context, options);
      return encoded.map((row, i): TaughtRow => {
        const mark = marks.get(rows[i]!);
        if (mark === undefined) return row;
        const { labelled, teacherLogits, weight } = mark;
        return {
          ...row,
          labelled,
          ...(teacherLogits ? { teacherLogits } : {}),
          ...(weight === null ? {} : { rowWeight: weight }),
        };
      });
    },
    collate(rows: readonly TaughtRow[], context, options): HostBatch {
      const batch = app.collate(rows, context, options);
      if (rows.length === 0 || !rows.every((row) => row.labelled !== undefined)) return batch;
      const vector = (value: (row: TaughtRow) => number): HostTensor => ({
        data: Float32Array.from(rows, value),
        shape: [rows.length],
        dtype: 'float32',
      });
      const labelled = vector((row) => (row.labelled ? 1 : 0));
      const weighted = rows.every((row) => row.rowWeight !== undefined);
      const taught = rows.every((row) => row.teacherLogits !== undefined);
      return {
        ...batch,
        tensors: {
          ...batch.tensors,
          labelled,
          ...(weighted ? { rowWeights: vector((row) => row.rowWeight!) } : {}),
          ...(taught ? { teacherLogits: floatMatrix(rows.map((row) => row.teacherLogits!)) } : {}),
        },
      };
    },
  };
}
