import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { EasyNlpError } from '../../errors/index.js';
import { type Converter, cluewsc, csl, pair, single } from '../fewclue/convert.js';
import { readJson, readJsonRows, readSquadRows } from '../rows.js';
import type { BenchmarkRows, BenchmarkTask, SplitRequest } from '../types.js';
import { agreed, c3, chid, reading } from './convert.js';
import { type TaskFiles, taskFiles, taskFolder } from './files.js';

/** CLUE has one training set a task. */
export const CLUE_SPLITS = ['full'];

interface TaskShape {
  readonly name: string;
  readonly title: string;
  readonly app: BenchmarkTask['app'];
  readonly metric?: string;
  readonly files: TaskFiles;
  readonly labels?: readonly string[];
  readonly words?: Readonly<Record<string, string>>;
  /** Files of a part → rows. */
  readonly read: (paths: readonly string[]) => Promise<BenchmarkRows>;
}

/** Train and dev, each a file, and what else there is. */
const files = (folder: string, more: Partial<TaskFiles> = {}): TaskFiles => ({
  folder,
  train: [['train.json']],
  dev: [['dev.json']],
  ...more,
});

function task(shape: TaskShape): BenchmarkTask {
  const { name, title, app, metric = 'accuracy', labels = [], words = {}, read } = shape;
  const load = async ({ data, evaluateOn }: SplitRequest) => {
    const refuse = (problem: string) => new EasyNlpError('CLI_BAD_FLAG', { flag: '--evaluate-on', problem });
    if (evaluateOn === 'dev-all') throw refuse('dev-all exists for fewclue only');
    if (evaluateOn === 'test' && !shape.files.test) {
      throw refuse(`the answers of CLUE’s test rows of ${name} are not public; use dev`);
    }
    const folder = taskFolder(data, shape.files);
    const hasTest = (shape.files.test ?? []).every((names) =>
      names.some((file) => existsSync(join(folder, file))),
    );
    const test =
      evaluateOn === 'test' || (evaluateOn === 'auto' && shape.files.test !== undefined && hasTest);
    const part = (which: 'train' | 'dev' | 'test') => read(taskFiles(folder, shape.files, which));
    return {
      train: await part('train'),
      evaluation: await part(test ? 'test' : 'dev'),
      selection: test ? await part('dev') : null,
      labels,
      words,
      unlabeled: null,
    };
  };
  return { name, title, app, metric, views: ['rows'], load };
}

/** A file of JSON Lines, a row a line. */
const lines =
  (converter: Converter, labels: readonly string[]): TaskShape['read'] =>
  async ([path]) =>
    converter(await readJsonRows(path!), { labels, file: path!, labelled: true });

const BINARY = ['0', '1'];
const INFERENCE = ['entailment', 'neutral', 'contradiction'];
const INFERENCE_WORDS = { entailment: '是的', neutral: '并且', contradiction: '不是' };
const TNEWS = Array.from({ length: 17 }, (_, i) => String(100 + i)).filter((l) => l !== '105' && l !== '111');
const IFLYTEK = Array.from({ length: 119 }, (_, i) => String(i));

const questions: TaskShape['read'] = async ([path]) => reading(await readSquadRows(path!), path!);

export const CLUE_TASKS: readonly BenchmarkTask[] = [
  task({
    name: 'afqmc',
    title: 'whether two questions to a bank mean the same',
    app: 'text_match',
    files: files('afqmc'),
    labels: BINARY,
    words: { 0: '不', 1: '相' },
    read: lines(pair, BINARY),
  }),
  task({
    name: 'tnews',
    title: '15 topics of news titles',
    app: 'text_classify',
    files: files('tnews'),
    labels: TNEWS,
    read: lines(single('sentence'), TNEWS),
  }),
  task({
    name: 'iflytek',
    title: '119 kinds of apps by their descriptions',
    app: 'text_classify',
    files: files('iflytek'),
    labels: IFLYTEK,
    read: lines(single('sentence'), IFLYTEK),
  }),
  task({
    name: 'ocnli',
    title: 'natural language inference, written in Chinese',
    app: 'text_match',
    files: files('ocnli', { train: [['train.50k.json', 'train.json']] }),
    labels: INFERENCE,
    words: INFERENCE_WORDS,
    read: lines(agreed(pair), INFERENCE),
  }),
  task({
    name: 'cmnli',
    title: 'natural language inference, translated',
    app: 'text_match',
    files: files('cmnli'),
    labels: INFERENCE,
    words: INFERENCE_WORDS,
    read: lines(agreed(pair), INFERENCE),
  }),
  task({
    name: 'csl',
    title: 'whether all keywords belong to an abstract',
    app: 'text_match',
    files: files('csl'),
    labels: BINARY,
    words: { 0: '不能', 1: '可以' },
    read: lines(csl, BINARY),
  }),
  task({
    name: 'cluewsc2020',
    title: 'whether a pronoun means a noun (Winograd)',
    app: 'text_classify',
    files: files('cluewsc2020'),
    labels: ['false', 'true'],
    words: { false: '非', true: '即' },
    read: lines(cluewsc, ['false', 'true']),
  }),
  task({
    name: 'cmrc2018',
    title: 'the part of a text that answers a question',
    app: 'machine_reading_comprehension',
    metric: 'em',
    files: files('cmrc2018', {
      train: [['train.json', 'cmrc2018_train.json']],
      dev: [['dev.json', 'cmrc2018_dev.json']],
    }),
    read: questions,
  }),
  task({
    name: 'drcd',
    title: 'the part of a text that answers a question, traditional characters',
    app: 'machine_reading_comprehension',
    metric: 'em',
    files: files('drcd', {
      train: [['train.json', 'DRCD_training.json']],
      dev: [['dev.json', 'DRCD_dev.json']],
      test: [['test.json', 'DRCD_test.json']],
    }),
    read: questions,
  }),
  task({
    name: 'chid',
    title: 'idiom for a gap, out of ten',
    app: 'multiple_choice',
    // The baselines give no idiom twice to the gaps of a line, and so do the published figures.
    metric: 'unique_accuracy',
    files: files('chid', {
      train: [['train.json'], ['train_answer.json']],
      dev: [['dev.json'], ['dev_answer.json']],
    }),
    read: async ([path, answers]) =>
      chid(await readJsonRows(path!), {
        file: path!,
        answers: { file: answers!, values: answersIn(answers!) },
      }),
  }),
  task({
    name: 'c3',
    title: 'answer to a question about a text, out of two to four',
    app: 'multiple_choice',
    files: files('c3', {
      train: [
        ['d-train.json', 'c3-d-train.json'],
        ['m-train.json', 'c3-m-train.json'],
      ],
      dev: [
        ['d-dev.json', 'c3-d-dev.json'],
        ['m-dev.json', 'c3-m-dev.json'],
      ],
    }),
    // Dialogues and other texts are one task; results name both files.
    read: async (paths) =>
      c3(
        paths.map((file) => ({ file, value: readJson(file) })),
        join(dirname(paths[0]!), paths.map((path) => basename(path)).join(' + ')),
      ),
  }),
];

/** Gaps and the numbers of their answers: a JSON object, or lines `#idiom000001#,3` as ChID's first release has them. */
function answersIn(file: string): Readonly<Record<string, unknown>> {
  const content = readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  if (/^\s*#idiom/.test(content)) {
    return Object.fromEntries(
      content
        .trim()
        .split(/\r?\n/)
        .map((line) => line.split(',', 2) as [string, string])
        .map(([gap, answer = '']) => [gap.trim(), /^\s*\d+\s*$/.test(answer) ? Number(answer) : answer]),
    );
  }
  const value = readJson(file);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw new EasyNlpError('DATA_FORMAT', { file, reason: 'expected an object of gaps and answers' });
}
