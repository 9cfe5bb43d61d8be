import type { App, AppContext, CollateOptions } from '../../appzoo/app.js';
import type { ClassificationSpec, EncodedText } from '../../appzoo/sequence/index.js';
import { chosenColumn, columnNames } from '../../appzoo/sequence/index.js';
import { type Cell, type DataSource, type HostBatch, intVector, type Row } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { nearest } from '../../util/index.js';
import type { TeacherOptions } from './options.js';

/** How the rows of a table belong to domains. */
export interface DomainColumns {
  /** A domain's id is its position. */
  readonly domains: readonly string[];
  readonly domainColumn: string;
  /** Column of the prototype scores; null where all rows count alike. */
  readonly weightColumn: string | null;
}

/** A classification whose rows belong to domains. */
export interface DomainSpec extends ClassificationSpec, DomainColumns {}

interface EncodedDomainText extends EncodedText {
  /** −1 where the row names none that the model knows: it can still be classified. */
  readonly domain: number;
  /** t(x) */
  readonly weight: number;
}

export const DOMAIN_COLUMNS = ['domain', 'genre', 'cat'];
export const WEIGHT_COLUMN = 'weight';

/** The domain that a row names. @throws EasyNlpError DATA_COLUMN_UNKNOWN, DATA_CELL */
export function domainOf(row: Row, column: string): string {
  const value: Cell | undefined = row.values[column];
  const place = { file: row.file, line: row.line, column };
  if (value === undefined)
    throw new EasyNlpError('DATA_COLUMN_UNKNOWN', { ...place, known: Object.keys(row.values) });
  if ((typeof value === 'string' && value !== '') || typeof value === 'number') return String(value);
  throw new EasyNlpError('DATA_CELL', { ...place, got: value, expected: 'the name of a domain' });
}

function weightOf(row: Row, column: string | null): number {
  const value = column === null ? 1 : row.values[column];
  // Evaluation needs no weights, so only rows that have one are asked.
  if (value === undefined) return 1;
  const weight = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof weight === 'number' && Number.isFinite(weight) && weight >= -1) return weight;
  throw new EasyNlpError('DATA_CELL', {
    file: row.file,
    line: row.line,
    column,
    got: value,
    expected: 'a prototype score, a number from −1',
  });
}

/** Domains of a training table in the order of their names; `known` ones instead, which all rows must then belong to. */
async function domainsOf(
  source: DataSource,
  column: string,
  known: readonly string[] | null,
): Promise<readonly string[]> {
  const found = new Set<string>();
  for await (const row of source.rows()) {
    const domain = domainOf(row, column);
    if (known && !known.includes(domain)) {
      const suggestion = nearest(domain, known);
      throw new EasyNlpError('DATA_CELL', {
        file: row.file,
        line: row.line,
        column,
        got: domain,
        expected: `a domain of the teacher: ${known.join(', ')}${suggestion ? ` (did you mean "${suggestion}"?)` : ''}`,
      });
    }
    found.add(domain);
  }
  return known ?? [...found].sort();
}

/** The columns and domains of a table that MetaKD trains on. */
export async function domainColumns(
  options: Pick<TeacherOptions, 'domainColumn' | 'weightColumn' | 'transferWeights'>,
  source: DataSource,
  known: readonly string[] | null,
): Promise<DomainColumns> {
  const columns = await columnNames(source);
  const domainColumn = chosenColumn(options.domainColumn, DOMAIN_COLUMNS, columns, 'domain', source.name);
  const weightColumn =
    options.weightColumn !== undefined
      ? chosenColumn(options.weightColumn, [], columns, 'weight', source.name)
      : options.transferWeights && columns.includes(WEIGHT_COLUMN)
        ? WEIGHT_COLUMN
        : null;
  return { domains: await domainsOf(source, domainColumn, known), domainColumn, weightColumn };
}

/** The app with each row's domain and weight in its batches: `domains` int64 [B], `instanceWeights` [B]. */
export function withDomains(app: App, columnsOf: (context: AppContext) => DomainColumns): App {
  const base = app as unknown as App<ClassificationSpec, EncodedText>;
  const variant: App<ClassificationSpec, EncodedDomainText> = {
    ...(base as unknown as App<ClassificationSpec, EncodedDomainText>),
    async encode(rows, context, options) {
      const { domains, domainColumn, weightColumn } = columnsOf(context);
      const encoded = await base.encode(rows, context, options);
      return encoded.map((row, i) => {
        const name = rows[i]!.values[domainColumn];
        const domain = name === undefined || name === null ? -1 : domains.indexOf(String(name));
        return { ...row, domain, weight: options.labels ? weightOf(rows[i]!, weightColumn) : 1 };
      });
    },
    collate(rows, context, options?: CollateOptions): HostBatch {
      const batch = base.collate(rows, context, options);
      if (!rows.every((row) => row.domain >= 0)) return batch;
      return {
        ...batch,
        tensors: {
          ...batch.tensors,
          domains: intVector(rows.map((row) => row.domain)),
          instanceWeights: {
            data: Float32Array.from(rows, (row) => row.weight),
            shape: [rows.length],
            dtype: 'float32',
          },
        },
      };
    },
  };
  return variant as unknown as App;
}
