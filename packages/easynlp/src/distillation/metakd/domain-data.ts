import { existsSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { chosenColumn, columnNames, LABEL_COLUMNS } from '../../appzoo/sequence/index.js';
import type { TrainConfig } from '../../config/index.js';
import { type Cell, openTable, type Row } from '../../datahub/index.js';
import { readLines } from '../../datahub/line-reader.js';
import { EasyNlpError } from '../../errors/index.js';
import { nearest, Rng, shuffle } from '../../util/index.js';
import type { PipelineOptions } from './options.js';
import { DOMAIN_COLUMNS, domainOf } from './variant.js';

/** A labelled row of a domain; `values` has the columns of the data, the domain's under the name `domain`. */
export interface DomainRow {
  readonly values: Readonly<Record<string, Cell>>;
  readonly domain: string;
  readonly label: string;
}

type ReadOptions = Pick<TrainConfig, 'format' | 'schema' | 'skipFirstLine' | 'labelName'> &
  Pick<PipelineOptions, 'domainColumn' | 'domains' | 'ignoredLabels'>;

/** Name of the domain's column in all files that MetaKD writes. */
export const DOMAIN = 'domain';

/**
 * Labelled rows of several domains: from a table with a column of domains (any format, OCNLI's genres and the
 * shopping reviews' categories too), or from a folder with a folder a domain and in it a file a label, one text a line,
 * whose name ends in the label: `books/review_positive.gz`.
 */
export async function readDomainData(
  path: string,
  options: ReadOptions,
  log: (line: string) => void = () => {},
): Promise<DomainRow[]> {
  const isFolder = existsSync(path) && statSync(path).isDirectory();
  const rows = isFolder ? await readFolders(path) : await readTable(path, options, log);
  const present = [...new Set(rows.map((row) => row.domain))].sort();
  const wanted = options.domains ?? present;
  const unknown = wanted.find((domain) => !present.includes(domain));
  if (unknown !== undefined) {
    const suggestion = nearest(unknown, present);
    throw new EasyNlpError('CONFIG_INVALID_VALUE', {
      key: 'domains',
      expected: `domains of ${path}: ${present.join(', ')}`,
      got: unknown,
      hint: suggestion ? `Did you mean ${suggestion}?` : undefined,
    });
  }
  if (wanted.length < 2) {
    throw new EasyNlpError('DATA_LABELS', {
      reason: `the only domain of ${path} is "${present[0]}"; MetaKD needs at least two`,
    });
  }
  const ignored = new Set(options.ignoredLabels);
  const labelled = rows.filter((row) => !ignored.has(row.label));
  if (labelled.length < rows.length)
    log(
      `${rows.length - labelled.length} rows with ignored labels (${options.ignoredLabels.join(', ')}) are left out`,
    );
  return labelled.filter((row) => wanted.includes(row.domain));
}

async function readTable(
  path: string,
  options: ReadOptions,
  log: (line: string) => void,
): Promise<DomainRow[]> {
  const source = await openTable(path, {
    format: options.format,
    skipFirstLine: options.skipFirstLine,
    ...(options.schema === undefined ? {} : { schema: options.schema }),
  });
  const columns = await columnNames(source);
  const domainColumn = chosenColumn(options.domainColumn, DOMAIN_COLUMNS, columns, 'domain', source.name);
  const labelColumn = chosenColumn(options.labelName, LABEL_COLUMNS, columns, 'label', source.name);
  const rows: DomainRow[] = [];
  let nowhere = 0;
  for await (const row of source.rows()) {
    // A null says that the row has no domain (three of OCNLI's); an empty name is a mistake.
    if (row.values[domainColumn] === null) {
      nowhere++;
      continue;
    }
    const domain = domainOf(row, domainColumn);
    const { [domainColumn]: _, ...values } = row.values;
    rows.push({ values: { ...values, [DOMAIN]: domain }, domain, label: labelOf(row, labelColumn) });
  }
  if (rows.length === 0) throw new EasyNlpError('DATA_EMPTY', { file: source.name });
  if (nowhere > 0) log(`${nowhere} rows of ${source.name} without a domain (null) are left out`);
  return rows;
}

function labelOf(row: Row, column: string): string {
  const value = row.values[column];
  const place = { file: row.file, line: row.line, column };
  if (value === undefined)
    throw new EasyNlpError('DATA_COLUMN_UNKNOWN', { ...place, known: Object.keys(row.values) });
  if ((typeof value === 'string' && value !== '') || typeof value === 'number' || typeof value === 'boolean')
    return String(value);
  throw new EasyNlpError('DATA_CELL', { ...place, got: value, expected: 'a label' });
}

/** `review_positive.gz` → `positive`. */
function labelOfFile(name: string): string {
  const plain = name.replace(/\.gz$/, '').replace(/\.(txt|review)$/, '');
  return plain.slice(plain.lastIndexOf('_') + 1);
}

async function readFolders(path: string): Promise<DomainRow[]> {
  const rows: DomainRow[] = [];
  const entries = (await readdir(path, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  for (const { name: domain } of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    for (const name of (await readdir(join(path, domain))).sort()) {
      if (name.startsWith('.')) continue;
      const label = labelOfFile(name);
      for await (const { lines } of readLines(join(path, domain, name))) {
        for (const line of lines) {
          const text = line.trim();
          if (text !== '') rows.push({ values: { text, label, [DOMAIN]: domain }, domain, label });
        }
      }
    }
  }
  if (rows.length > 0) return rows;
  throw new EasyNlpError('DATA_FORMAT', {
    file: path,
    reason: `the folder ${basename(path)} holds no domains: expected <domain>/<name>_<label>.txt or .gz, one text a line`,
  });
}

/** Rows of a table that need a domain but no label; those of other domains are left out. */
export async function readUnlabelledData(
  path: string,
  options: Pick<ReadOptions, 'format' | 'schema' | 'skipFirstLine' | 'domainColumn'> & {
    readonly unlabelledSchema?: string | undefined;
    readonly domains: readonly string[];
  },
  log: (line: string) => void = () => {},
): Promise<Omit<DomainRow, 'label'>[]> {
  const schema = options.unlabelledSchema ?? options.schema;
  const source = await openTable(path, {
    format: options.format === 'easynlp' && schema === undefined ? 'auto' : options.format,
    skipFirstLine: options.skipFirstLine && schema !== undefined,
    ...(schema === undefined ? {} : { schema }),
  });
  const columns = await columnNames(source);
  const domainColumn = chosenColumn(options.domainColumn, DOMAIN_COLUMNS, columns, 'domain', source.name);
  const rows: Omit<DomainRow, 'label'>[] = [];
  let others = 0;
  for await (const row of source.rows()) {
    const domain = row.values[domainColumn] === null ? null : domainOf(row, domainColumn);
    if (domain === null || !options.domains.includes(domain)) {
      others++;
      continue;
    }
    const { [domainColumn]: _, ...values } = row.values;
    rows.push({ values: { ...values, [DOMAIN]: domain }, domain });
  }
  if (others > 0) log(`${others} rows of ${source.name} of other domains are left out`);
  return rows;
}

export interface DomainSplit {
  readonly train: readonly DomainRow[];
  readonly dev: readonly DomainRow[];
  readonly test: readonly DomainRow[];
}

/** Rows by domain and label, each group shuffled in a way of its own that depends on nothing but its seed. */
function strata(rows: readonly DomainRow[], seed: number): Map<string, DomainRow[]> {
  const groups = new Map<string, DomainRow[]>();
  for (const row of rows) {
    const key = JSON.stringify([row.domain, row.label]);
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push(row);
  }
  for (const [key, group] of groups) shuffle(group, Rng.derive(seed, 'metakd-split', key));
  return groups;
}

/** At most `count` rows of each domain, labels in the proportions that they have there. */
export function sampleRows(rows: readonly DomainRow[], count: number, seed: number): DomainRow[] {
  const sizes = new Map<string, number>();
  for (const { domain } of rows) sizes.set(domain, (sizes.get(domain) ?? 0) + 1);
  return [...strata(rows, seed).values()].flatMap((group) => {
    const share = Math.min(1, count / sizes.get(group[0]!.domain)!);
    return group.slice(0, Math.max(1, Math.round(group.length * share)));
  });
}

/** At most `count` rows of each domain of those that `taken` has not, whatever their labels. */
export function restRows(
  rows: readonly DomainRow[],
  taken: readonly DomainRow[],
  count: number,
  seed: number,
): DomainRow[] {
  const known = new Set(taken);
  const rest = new Map<string, DomainRow[]>();
  for (const row of rows) {
    if (known.has(row)) continue;
    const own = rest.get(row.domain) ?? [];
    rest.set(row.domain, own);
    own.push(row);
  }
  return [...rest].flatMap(([domain, own]) => {
    shuffle(own, Rng.derive(seed, 'metakd-rest', domain));
    return own.slice(0, count);
  });
}

/**
 * A split that has every label of every domain in each part, in the same proportions. (EasyNLP: StratifiedKFold of
 * ten twice, which is .81 / .09 / .1.)
 */
export function splitRows(
  rows: readonly DomainRow[],
  { dev, test, seed }: { dev: number; test: number; seed: number },
): DomainSplit {
  const parts = { train: [] as DomainRow[], dev: [] as DomainRow[], test: [] as DomainRow[] };
  for (const group of strata(rows, seed).values()) {
    // A few rows still give one to each part, as long as training keeps one.
    const count = (fraction: number) =>
      fraction === 0 || group.length < 3 ? 0 : Math.max(1, Math.round(group.length * fraction));
    const [tests, devs] = [count(test), count(dev)];
    parts.test.push(...group.slice(0, tests));
    parts.dev.push(...group.slice(tests, tests + devs));
    parts.train.push(...group.slice(tests + devs));
  }
  for (const [name, list] of Object.entries(parts)) shuffle(list, Rng.derive(seed, 'metakd-order', name));
  return parts;
}
