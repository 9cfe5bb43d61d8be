import { join } from 'node:path';
import { getApp } from '../../appzoo/registry.js';
import { openRuntime } from '../../appzoo/runtime.js';
import type { ClassificationSpec } from '../../appzoo/sequence/index.js';
import type { TrainConfig } from '../../config/index.js';
import { type Cell, openTable, type Row } from '../../datahub/index.js';
import { dataFacts } from '../../trainer/data-facts.js';
import type { TrainRunOptions } from '../../trainer/train.js';
import { DOMAIN, type DomainRow, readDomainData, sampleRows, splitRows } from './domain-data.js';
import { embedRows } from './embed.js';
import type { PipelineOptions } from './options.js';
import { prototypeScores } from './prototypes.js';
import { keyOf, writeWhole } from './stages.js';
import { WEIGHT_COLUMN } from './variant.js';

export type MetakdConfig = TrainConfig & PipelineOptions;
export type Part = 'train' | 'dev' | 'test';

/** Numbers of rows. */
export type Counts = Readonly<Record<Part, number>>;

/** What the files hold: the domains in order, and the rows of each. */
export interface DomainData {
  readonly domains: readonly string[];
  readonly rows: Readonly<Record<string, Counts>>;
}

/** Names of domains as names of folders. */
function folderNames(domains: readonly string[]): Map<string, string> {
  const taken = new Set<string>();
  return new Map(
    domains.map((domain, i) => {
      const plain = domain.replace(/[\\/:*?"<>|\s.]+/g, '_');
      const name = taken.has(plain) ? `${plain}-${i}` : plain;
      taken.add(name);
      return [domain, name];
    }),
  );
}

/** Where the rows of all domains, and of each, lie. */
export class DomainFiles {
  /** Folder names by domain. */
  readonly names: ReadonlyMap<string, string>;
  readonly counts: Readonly<Record<string, Counts>>;

  constructor(
    private readonly output: string,
    { domains, rows }: DomainData,
  ) {
    this.names = folderNames(domains);
    this.counts = rows;
  }

  file(part: Part, domain?: string): string {
    const folder = domain === undefined ? [] : [this.names.get(domain)!];
    return join(this.output, 'data', ...folder, `${part}.jsonl`);
  }
}

const jsonl = (rows: readonly Readonly<Record<string, Cell>>[]) =>
  rows.map((row) => `${JSON.stringify(row)}\n`).join('');

/** Columns and labels of a table that MetaKD wrote. */
export async function specOf(config: MetakdConfig, file: string): Promise<ClassificationSpec> {
  const source = await openTable(file);
  const plain = { ...config, format: 'jsonl', schema: undefined, skipFirstLine: false } as const;
  return (await getApp(config.app).prepare(plain, source)) as ClassificationSpec;
}

/** Whether prototype scores are to be computed; rows may bring their own. */
const computesWeights = ({ transferWeights, weightColumn }: MetakdConfig) =>
  transferWeights && weightColumn === undefined;

/** Everything that the files depend on. */
export async function dataKey(config: MetakdConfig): Promise<string> {
  const { dev, test, domains, rowsPerDomain, ignoredLabels, domainColumn, labelName } = config;
  const { devFraction, testFraction, splitSeed, prototypes, prototypeAlpha, sequenceLength } = config;
  const { embeddingModel = config.teacherModel, firstSequence, secondSequence, labels, app } = config;
  return keyOf([
    await dataFacts(config),
    test === undefined ? null : await dataFacts({ ...config, train: test, dev: undefined }),
    { dev, test, domains, rowsPerDomain, ignoredLabels, domainColumn, labelName, labels, app },
    { devFraction, testFraction, splitSeed, prototypes, prototypeAlpha, sequenceLength },
    { computed: computesWeights(config), embeddingModel, firstSequence, secondSequence },
  ]);
}

/** t(x) of every training row, equations (1) and (2). */
async function prototypeWeights(
  config: MetakdConfig,
  { rows, file, domains }: { rows: readonly DomainRow[]; file: string; domains: readonly string[] },
  signal: AbortSignal | undefined,
): Promise<Float64Array> {
  // The app finds its columns in a table, so the rows are written once without their weights.
  await writeWhole(file, jsonl(rows.map((row) => row.values)));
  const spec = await specOf(config, file);
  const embeddings = await embedRows(
    rows.map((row, i): Row => ({ values: row.values, file, line: i + 1 })),
    {
      model: config.embeddingModel ?? config.teacherModel!,
      spec,
      runtime: openRuntime(config),
      batchSize: config.evalBatchSize ?? config.batchSize,
      signal,
    },
  );
  return prototypeScores(
    rows.map((row, i) => ({
      embedding: embeddings[i]!,
      domain: domains.indexOf(row.domain),
      label: spec.labels.indexOf(row.label),
    })),
    { kind: config.prototypes, alpha: config.prototypeAlpha },
  );
}

/** Reads, samples and splits the rows, weighs those for training, and writes them: all together and by domain. */
export async function writeDomainData(
  config: MetakdConfig,
  { log = () => {}, signal }: Pick<TrainRunOptions, 'log' | 'signal'>,
): Promise<DomainData> {
  const all = await readDomainData(config.train, config, log);
  const { rowsPerDomain, splitSeed: seed } = config;
  const sampled = rowsPerDomain === undefined ? all : sampleRows(all, rowsPerDomain, seed);
  const given = (path: string | undefined) => (path === undefined ? null : readDomainData(path, config, log));
  const [dev, test] = await Promise.all([given(config.dev), given(config.test)]);
  const split = splitRows(sampled, {
    dev: dev ? 0 : config.devFraction,
    test: dev || test ? 0 : config.testFraction,
    seed,
  });
  const domains = [...new Set(split.train.map((row) => row.domain))].sort();
  const files = new DomainFiles(config.output, { domains, rows: {} });
  const weights = computesWeights(config)
    ? await prototypeWeights(config, { rows: split.train, file: files.file('train'), domains }, signal)
    : null;
  const values: Readonly<Record<Part, readonly Readonly<Record<string, Cell>>[]>> = {
    train: split.train.map((row, i) =>
      weights ? { ...row.values, [WEIGHT_COLUMN]: weights[i]! } : row.values,
    ),
    dev: (dev ?? split.dev).map((row) => row.values),
    test: (test ?? split.test).map((row) => row.values),
  };
  const counts = new Map(domains.map((domain) => [domain, { train: 0, dev: 0, test: 0 }]));
  for (const part of ['train', 'dev', 'test'] as const) {
    await writeWhole(files.file(part), jsonl(values[part]));
    for (const domain of domains) {
      const own = values[part].filter((row) => row[DOMAIN] === domain);
      counts.get(domain)![part] = own.length;
      await writeWhole(files.file(part, domain), jsonl(own));
    }
  }
  return { domains, rows: Object.fromEntries(counts) };
}
