import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import type { Row } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { labelField, readTsvRows, requireFile, textField } from '../rows.js';
import type { BenchmarkRows, BenchmarkTask, SplitRequest } from '../types.js';

/** The seeds with which LM-BFF drew its rows. */
export const GLUE16_SPLITS = ['13', '21', '42', '87', '100'];

interface TaskShape {
  readonly name: string;
  readonly title: string;
  /** Folder of the task. */
  readonly folder: string;
  readonly metric?: string;
  readonly labels: readonly string[];
  readonly words: Readonly<Record<string, string>>;
  /** TSV columns: the texts and the label. CSV files have no header: label, text. */
  readonly columns: { readonly texts: readonly string[]; readonly label: string } | 'csv';
}

const OUT = ['sentence1', 'sentence2'] as const;

/** `label,text` a line, without a header; texts with commas are in quotes. */
function readCsvRows(path: string): Row[] {
  requireFile(path);
  let records: { record: string[]; info: { lines: number } }[];
  try {
    records = parse(readFileSync(path), {
      bom: true,
      info: true,
      skip_empty_lines: true,
      relax_column_count: true,
    }) as unknown as typeof records;
  } catch (cause) {
    const { lines, message } = cause as Error & { lines?: number };
    throw new EasyNlpError('DATA_ROW_MALFORMED', { file: path, line: lines, reason: message }, { cause });
  }
  return records.map(({ record, info }) => {
    if (record.length === 2) {
      return { values: { label: record[0]!, sentence: record[1]! }, file: path, line: info.lines };
    }
    throw new EasyNlpError('DATA_COLUMN_COUNT', {
      file: path,
      line: info.lines,
      got: record.length,
      expected: 2,
      columns: ['label', 'sentence'],
      content: record.join(','),
      hint: 'Texts with commas stand in quotes.',
    });
  });
}

function task(shape: TaskShape): BenchmarkTask {
  const { name, title, folder, labels, words, columns, metric = 'accuracy' } = shape;
  const csv = columns === 'csv';
  const { texts, label } = csv ? { texts: ['sentence'], label: 'label' } : columns;
  const read = async (path: string): Promise<BenchmarkRows> => ({
    file: path,
    rows: (csv ? readCsvRows(path) : await readTsvRows(path)).map((row) => ({
      ...Object.fromEntries(
        texts.map((column, i) => [texts.length === 1 ? 'text' : OUT[i]!, textField(row, column)]),
      ),
      label: labelField(row, label, labels),
    })),
  });
  const load = async ({ data, split, evaluateOn }: SplitRequest) => {
    const at = join(data, folder, `16-${split}`);
    const file = (kind: string) => join(at, `${kind}.${csv ? 'csv' : 'tsv'}`);
    if (evaluateOn === 'dev-all') {
      throw new EasyNlpError('CLI_BAD_FLAG', {
        flag: '--evaluate-on',
        problem: 'dev-all exists for fewclue only',
      });
    }
    const test = evaluateOn === 'test' || (evaluateOn === 'auto' && existsSync(file('test')));
    return {
      train: await read(file('train')),
      evaluation: await read(file(test ? 'test' : 'dev')),
      selection: test ? await read(file('dev')) : null,
      labels,
      words,
      unlabeled: null,
    };
  };
  const app = texts.length === 2 ? 'text_match' : 'text_classify';
  return { name, title, app, metric, views: ['rows'], load };
}

export const GLUE16_TASKS: readonly BenchmarkTask[] = [
  task({
    name: 'sst-2',
    title: 'sentiment of film reviews',
    folder: 'SST-2',
    labels: ['0', '1'],
    words: { 0: 'terrible', 1: 'great' },
    columns: { texts: ['sentence'], label: 'label' },
  }),
  task({
    name: 'mr',
    title: 'sentiment of film reviews',
    folder: 'mr',
    labels: ['0', '1'],
    words: { 0: 'terrible', 1: 'great' },
    columns: 'csv',
  }),
  task({
    name: 'cr',
    title: 'sentiment of product reviews',
    folder: 'cr',
    labels: ['0', '1'],
    words: { 0: 'terrible', 1: 'great' },
    columns: 'csv',
  }),
  task({
    name: 'subj',
    title: 'subjective or objective',
    folder: 'subj',
    labels: ['0', '1'],
    words: { 0: 'subjective', 1: 'objective' },
    columns: 'csv',
  }),
  task({
    name: 'mrpc',
    title: 'paraphrases',
    folder: 'MRPC',
    metric: 'f1',
    labels: ['0', '1'],
    words: { 0: 'No', 1: 'Yes' },
    columns: { texts: ['#1 String', '#2 String'], label: 'Quality' },
  }),
  task({
    name: 'qnli',
    title: 'whether a sentence answers a question',
    folder: 'QNLI',
    labels: ['entailment', 'not_entailment'],
    words: { entailment: 'Yes', not_entailment: 'No' },
    columns: { texts: ['question', 'sentence'], label: 'label' },
  }),
  task({
    name: 'rte',
    title: 'textual entailment',
    folder: 'RTE',
    labels: ['entailment', 'not_entailment'],
    words: { entailment: 'Yes', not_entailment: 'No' },
    columns: { texts: ['sentence1', 'sentence2'], label: 'label' },
  }),
];
