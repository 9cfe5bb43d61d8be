import { type Cell, type DataSource, openTable } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';

/** Logits of many rows, [rows, width] row-major. */
export interface LogitsTable {
  readonly data: Float32Array;
  readonly rows: number;
  readonly width: number;
}

interface Place {
  readonly file: string;
  readonly line?: number | undefined;
}

/** Collects rows of equal width. */
export class LogitsCollector {
  private readonly values: number[] = [];
  private rows = 0;

  /** @param width numbers a row; null = as many as the first row has */
  constructor(private width: number | null) {}

  /** Throws DISTILL_LOGITS naming the place. */
  add(row: ArrayLike<number>, place: Place): void {
    this.width ??= row.length;
    if (row.length !== this.width) {
      throw new EasyNlpError('DISTILL_LOGITS', {
        ...place,
        reason: `${row.length} ${row.length === 1 ? 'number' : 'numbers'}, expected ${this.width}, one a label`,
      });
    }
    for (let i = 0; i < row.length; i++) {
      if (!Number.isFinite(row[i])) {
        throw new EasyNlpError('DISTILL_LOGITS', { ...place, reason: `logit ${i + 1} is ${row[i]}` });
      }
      this.values.push(row[i]!);
    }
    this.rows++;
  }

  get count(): number {
    return this.rows;
  }

  finish(): LogitsTable {
    return { data: Float32Array.from(this.values), rows: this.rows, width: this.width ?? 0 };
  }
}

/** The numbers of a cell: a list, or text such as `-1.2,0.5`. */
export function parseLogits(cell: Cell | undefined, place: Place): number[] {
  if (Array.isArray(cell)) return cell.map(Number);
  if (typeof cell === 'number') return [cell];
  const parts = typeof cell === 'string' ? cell.split(',').map((part) => part.trim()) : [''];
  return parts.map((part) => {
    // Number('') is 0, and "nan" is what Python writes.
    const value = part === '' || /^[+-]?nan$/i.test(part) ? Number.NaN : Number(part);
    if (!Number.isNaN(value)) return value;
    throw new EasyNlpError('DISTILL_LOGITS', {
      ...place,
      reason: `${JSON.stringify(part.slice(0, 40))} is not a number`,
    });
  });
}

/** A file of EasyNLP's kind: line i holds the logits of row i. Throws DISTILL_LOGITS. */
export async function readLogitsFile(
  path: string,
  source: DataSource,
  width: number | null,
): Promise<LogitsTable> {
  const table = await openTable(path, { format: 'easynlp', schema: 'logits:str:1' });
  const found = new LogitsCollector(width);
  const expected = await source.count();
  let last = 0;
  for await (const { values, line } of table.rows()) {
    last = line;
    found.add(parseLogits(values.logits, { file: path, line }), { file: path, line });
  }
  if (found.count !== expected) {
    throw new EasyNlpError('DISTILL_LOGITS', {
      file: path,
      line: found.count < expected ? last : last - (found.count - expected) + 1,
      reason: `the file has logits of ${found.count} rows, but ${source.name} has ${expected} rows`,
    });
  }
  return found.finish();
}

/** Logits beside the texts, in a column of the table itself. */
export async function readLogitsColumn(
  column: string,
  source: DataSource,
  width: number | null,
): Promise<LogitsTable> {
  const found = new LogitsCollector(width);
  for await (const row of source.rows()) {
    const place = { file: row.file, line: row.line };
    if (row.values[column] === undefined) {
      throw new EasyNlpError('DATA_COLUMN_UNKNOWN', { ...place, column, known: Object.keys(row.values) });
    }
    found.add(parseLogits(row.values[column], place), place);
  }
  return found.finish();
}

/** Weighted mean of what several teachers say of the same rows; weights need not add up to 1. */
export function meanLogits(tables: readonly LogitsTable[], weights: readonly number[]): LogitsTable {
  const [first] = tables;
  if (tables.length === 1) return first!;
  const total = tables.reduce((sum, _, k) => sum + (weights[k] ?? 1), 0);
  const data = new Float64Array(first!.data.length);
  for (const [k, table] of tables.entries()) {
    const share = (weights[k] ?? 1) / total;
    for (let i = 0; i < data.length; i++) data[i]! += share * table.data[i]!;
  }
  return { ...first!, data: Float32Array.from(data) };
}

/** p log(p / m), 0 where p is 0. */
const term = (p: number, m: number): number => (p > 0 ? p * Math.log(p / m) : 0);

function softmaxOf(logits: Float32Array): number[] {
  const top = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const exps = Array.from(logits, (x) => Math.exp(x - top));
  const sum = exps.reduce((a, b) => a + b, 0);
  return exps.map((x) => x / sum);
}

/**
 * How far two teachers agree about each row, from 0 to 1: 1 − JS(p, q)/log 2, JS being the Jensen–Shannon divergence of
 * what they give the labels.
 */
export function agreement(own: LogitsTable, other: LogitsTable): Float32Array {
  const { width } = own;
  return Float32Array.from({ length: own.rows }, (_, row) => {
    const [p, q] = [own, other].map(({ data }) =>
      softmaxOf(data.subarray(row * width, (row + 1) * width)),
    ) as [number[], number[]];
    const divergence = p.reduce((sum, pi, i) => {
      const m = (pi + q[i]!) / 2;
      return sum + (term(pi, m) + term(q[i]!, m)) / 2;
    }, 0);
    return Math.min(1, Math.max(0, 1 - divergence / Math.LN2));
  });
}
