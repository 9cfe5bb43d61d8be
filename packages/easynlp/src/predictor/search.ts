import { inferResults, type LoadedApp } from '../appzoo/inference.js';
import { chosenColumn, columnNames, TEXT_COLUMNS, textOf } from '../appzoo/sequence/index.js';
import { ExactIndex, secondColumn, type TextVector, type TwoTowerSpec } from '../appzoo/text-match/index.js';
import { type SearchConfig, type SearchOptions, searchConfigSchema } from '../config/index.js';
import { openTable, readLines } from '../datahub/index.js';
import { EasyNlpError } from '../errors/index.js';
import type { InferenceRunOptions } from './evaluate.js';
import { loadModel } from './open-model.js';
import { OutputFile } from './output-file.js';

/** A text that was found. */
export interface FoundText {
  /** Cosine similarity, −1 … 1. */
  readonly score: number;
  readonly text: string;
  /** Its line in the corpus file, from 1. */
  readonly line: number;
}

export interface SearchOutcome {
  /** Texts that were searched. */
  readonly documents: number;
  /** In the order of the queries; the nearest text first. */
  readonly results: readonly { readonly query: string; readonly hits: readonly FoundText[] }[];
}

interface Text {
  readonly text: string;
  readonly line: number;
}

function checked(options: SearchOptions): SearchConfig {
  const result = searchConfigSchema.safeParse(options);
  const issue = result.error?.issues[0];
  if (issue) {
    throw new EasyNlpError('CONFIG_INVALID_VALUE', {
      key: String(issue.path[0] ?? (issue.code === 'unrecognized_keys' ? issue.keys[0] : 'options')),
      expected: issue.message,
    });
  }
  const config = result.data!;
  const given = Number(config.text.length > 0) + Number(config.queries !== undefined);
  if (given === 1) return config;
  throw new EasyNlpError('CONFIG_CONFLICT', {
    problem: given === 0 ? 'there is no query' : 'text and queries exclude each other',
    hint: 'Give --text once or more, or --queries with a file.',
  });
}

/** Texts of a file: the lines of a .txt file that are not empty, or a column of a table. */
async function readTexts(path: string, column: string | undefined, config: SearchConfig): Promise<Text[]> {
  const texts: Text[] = [];
  if (config.format === 'auto' && /\.txt(\.gz)?$/i.test(path)) {
    for await (const { lines, first } of readLines(path)) {
      for (const [i, text] of lines.entries()) if (text.trim() !== '') texts.push({ text, line: first + i });
    }
  } else {
    const source = await openTable(path, {
      format: config.format,
      ...(config.schema === undefined ? {} : { schema: config.schema }),
    });
    const name = chosenColumn(column, TEXT_COLUMNS, await columnNames(source), 'text', source.name);
    for await (const row of source.rows()) texts.push({ text: textOf(row, name), line: row.line });
  }
  if (texts.length === 0) throw new EasyNlpError('DATA_EMPTY', { file: path });
  return texts;
}

/** Texts that are encoded at once. */
const CHUNK = 4096;

async function* vectorsOf(
  loaded: LoadedApp,
  column: string,
  texts: readonly Text[],
  file: string,
  options: { batchSize: number; signal?: AbortSignal | undefined },
): AsyncGenerator<readonly number[], void, undefined> {
  for (let from = 0; from < texts.length; from += CHUNK) {
    const rows = texts
      .slice(from, from + CHUNK)
      .map(({ text, line }) => ({ values: { [column]: text }, file, line }));
    const encoded = await loaded.app.encode(rows, loaded.context, { labels: false });
    for (const result of await inferResults(loaded, encoded, options)) yield (result as TextVector).vector;
  }
}

const cell = (text: string): string => text.replace(/[\t\r\n\v\f\u0085\u2028\u2029]+/g, ' ');

async function write(path: string, { results }: SearchOutcome): Promise<void> {
  const output = await OutputFile.create(path);
  try {
    await output.write('query\trank\tscore\tline\ttext\n');
    for (const { query, hits } of results) {
      const lines = hits.map(({ score, line, text }, i) =>
        [cell(query), i + 1, score.toFixed(6), line, cell(text)].join('\t'),
      );
      await output.write(lines.map((line) => `${line}\n`).join(''));
    }
    await output.publish();
  } catch (error) {
    await output.discard();
    throw error;
  }
}

/**
 * The texts of a file that are nearest to queries, by the vectors of a two-tower model: queries go through its first
 * tower, texts of the corpus through its second. The search is exact.
 *
 * @example
 * const { results } = await search({ model: 'out/towers', corpus: 'faq.txt', text: ['怎么还款'], topK: 3 });
 */
export async function search(options: SearchOptions, run: InferenceRunOptions = {}): Promise<SearchOutcome> {
  const config = checked(options);
  const corpus = await readTexts(config.corpus, config.column, config);
  const queries =
    config.queries === undefined
      ? config.text.map((text, i): Text => ({ text, line: i + 1 }))
      : await readTexts(config.queries, config.queryColumn, config);
  const { model, device, precision, numThreads } = config;
  const loaded = await loadModel({ app: 'text_match_two_tower', model, device, precision, numThreads });
  try {
    const spec = loaded.context.spec as TwoTowerSpec;
    const batching = { batchSize: config.batchSize, signal: run.signal };
    let index: ExactIndex | null = null;
    for await (const vector of vectorsOf(loaded, secondColumn(spec), corpus, config.corpus, batching)) {
      index ??= new ExactIndex(vector.length);
      index.add(vector);
    }
    const asked: (readonly number[])[] = [];
    const from = config.queries ?? 'query';
    for await (const v of vectorsOf(loaded, spec.firstSequence, queries, from, batching)) asked.push(v);
    const found = index!.searchAll(asked, config.topK);
    const results = queries.map(({ text: query }, q) => ({
      query,
      hits: found[q]!.map(({ index: at, score }) => ({ score, ...corpus[at]! })),
    }));
    const outcome = { documents: corpus.length, results };
    if (config.output !== undefined) await write(config.output, outcome);
    return outcome;
  } finally {
    loaded.model.dispose();
  }
}
