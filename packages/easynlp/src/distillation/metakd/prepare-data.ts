import { join } from 'node:path';
import { getApp } from '../../appzoo/registry.js';
import { openRuntime } from '../../appzoo/runtime.js';
import type { ClassificationSpec } from '../../appzoo/sequence/index.js';
import type { TrainConfig } from '../../config/index.js';
import { type Cell, openTable, type Row } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { dataFacts } from '../../trainer/data-facts.js';
import type { TrainRunOptions } from '../../trainer/train.js';
import {
  DOMAIN,
  type DomainRow,
  readDomainData,
  readUnlabelledData,
  restRows,
  sampleRows,
  splitRows,
} from './domain-data.js';
import { embedRows } from './embed.js';
import type { PipelineOptions } from './options.js';
import { prototypeScores, unlabelledScores } from './prototypes.js';
import { keyOf, writeWhole } from './stages.js';
import { WEIGHT_COLUMN } from './variant.js';

export type MetakdConfig = TrainConfig & PipelineOptions;
export type Part = 'train' | 'dev' | 'test' | 'unlabelled';

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
  const { unlabelled, unlabelledSchema, unlabelledPerDomain } = config;
  const unlabelledFacts = await Promise.all(
    unlabelled.map((train) => dataFacts({ ...config, train, dev: undefined })),
  );
  return keyOf([
    await dataFacts(config),
    { unlabelledFacts, unlabelledSchema, unlabelledPerDomain },
    test === undefined ? null : await dataFacts({ ...config, train: test, dev: undefined }),
    { dev, test, domains, rowsPerDomain, ignoredLabels, domainColumn, labelName, labels, app },
    { devFraction, testFraction, splitSeed, prototypes, prototypeAlpha, sequenceLength },
    { computed: computesWeights(config), embeddingModel, firstSequence, secondSequence },
  ]);
}

type Unlabelled = Omit<DomainRow, 'label'>;

/** t(x) of every row that students learn from, equations (1) and (2). */
async function prototypeWeights(
  config: MetakdConfig,
  spec: ClassificationSpec,
  { rows, unlabelled, domains }: { rows: DomainRow[]; unlabelled: Unlabelled[]; domains: readonly string[] },
  signal: AbortSignal | undefined,
): Promise<{ train: Float64Array; unlabelled: Float64Array }> {
  const texts = [...rows, ...unlabelled];
  const embeddings = await embedRows(
    texts.map((row, i): Row => ({ values: row.values, file: config.train, line: i + 1 })),
    {
      model: config.embeddingModel ?? config.teacherModel!,
      spec,
      runtime: openRuntime(config),
      batchSize: config.evalBatchSize ?? config.batchSize,
      signal,
    },
  );
  const embedded = rows.map((row, i) => ({
    embedding: embeddings[i]!,
    domain: domains.indexOf(row.domain),
    label: spec.labels.indexOf(row.label),
  }));
  const others = unlabelled.map((row, i) => ({
    embedding: embeddings[rows.length + i]!,
    domain: domains.indexOf(row.domain),
  }));
  const options = { kind: config.prototypes, alpha: config.prototypeAlpha };
  return {
    train: prototypeScores(embedded, options),
    unlabelled: unlabelledScores(others, embedded, options),
  };
}

/** Rows without labels: those of files, and those beyond the sample. */
async function unlabelledRows(
  config: MetakdConfig,
  { all, sampled, domains }: { all: DomainRow[]; sampled: DomainRow[]; domains: readonly string[] },
  log: (line: string) => void,
): Promise<Unlabelled[]> {
  const { unlabelled, unlabelledPerDomain, rowsPerDomain, splitSeed } = config;
  if (unlabelledPerDomain > 0 && rowsPerDomain === undefined) {
    throw new EasyNlpError('CONFIG_CONFLICT', {
      problem: 'unlabelledPerDomain takes rows beyond rowsPerDomain, which is not given',
      hint: 'Give --rows-per-domain, or files of rows without labels with --unlabelled.',
    });
  }
  const given = unlabelled.map((path) => readUnlabelledData(path, { ...config, domains }, log));
  return [...restRows(all, sampled, unlabelledPerDomain, splitSeed), ...(await Promise.all(given)).flat()];
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
  const unlabelled = await unlabelledRows(config, { all, sampled, domains }, log);
  // The app finds its columns in a table, so the rows are written once without their weights.
  await writeWhole(files.file('train'), jsonl(split.train.map((row) => row.values)));
  const spec = await specOf(config, files.file('train'));
  const weights = computesWeights(config)
    ? await prototypeWeights(config, spec, { rows: [...split.train], unlabelled, domains }, signal)
    : null;
  const weighted = (rows: readonly Unlabelled[], own: Float64Array | undefined) =>
    rows.map((row, i) => (own ? { ...row.values, [WEIGHT_COLUMN]: own[i]! } : row.values));
  // Nobody can peep at labels that are not there.
  const texts = [spec.firstSequence, spec.secondSequence, DOMAIN, config.weightColumn];
  const struck = (row: Unlabelled): Unlabelled => ({
    ...row,
    values: Object.fromEntries(Object.entries(row.values).filter(([name]) => texts.includes(name))),
  });
  const values: Readonly<Record<Part, readonly Readonly<Record<string, Cell>>[]>> = {
    train: weighted(split.train, weights?.train),
    dev: (dev ?? split.dev).map((row) => row.values),
    test: (test ?? split.test).map((row) => row.values),
    unlabelled: weighted(unlabelled.map(struck), weights?.unlabelled),
  };
  const counts = new Map(domains.map((domain) => [domain, { train: 0, dev: 0, test: 0, unlabelled: 0 }]));
  for (const part of ['train', 'dev', 'test', 'unlabelled'] as const) {
    if (part !== 'unlabelled' || unlabelled.length > 0)
      await writeWhole(files.file(part), jsonl(values[part]));
    for (const domain of domains) {
      const own = values[part].filter((row) => row[DOMAIN] === domain);
      counts.get(domain)![part] = own.length;
      if (part !== 'unlabelled' || own.length > 0) await writeWhole(files.file(part, domain), jsonl(own));
    }
  }
  return { domains, rows: Object.fromEntries(counts) };
}
