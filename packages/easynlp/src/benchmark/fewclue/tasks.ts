import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EasyNlpError } from '../../errors/index.js';
import { readJsonRows } from '../rows.js';
import type { BenchmarkRows, BenchmarkTask, EvaluateOn, SplitData, SplitRequest } from '../types.js';
import * as convert from './convert.js';
import { labelWords } from './label-words.js';

export const FEWCLUE_SPLITS = ['0', '1', '2', '3', '4'];
/** The five training sets together, tuned and measured on the five dev sets together. */
export const FEWCLUE_ALL = 'few_all';

/** The file whose rows are reported. */
function evaluationFile(folder: string, split: string, evaluateOn: EvaluateOn): string {
  const test = join(folder, 'test_public.json');
  const dev = join(folder, `dev_${split}.json`);
  switch (evaluateOn) {
    case 'test':
      return test;
    case 'dev':
      return dev;
    case 'dev-all':
      return join(folder, `dev_${FEWCLUE_ALL}.json`);
    case 'auto':
      return existsSync(test) ? test : dev;
  }
}

/**
 * The same rows over and over until there are as many as labels: methods refuse fewer, rightly so where labels are
 * classes. Epochs are longer by as much.
 */
function repeated(data: BenchmarkRows, least: number): BenchmarkRows {
  const { rows } = data;
  const copies = Math.max(1, Math.ceil(least / rows.length));
  return { ...data, rows: Array.from({ length: copies * rows.length }, (_, i) => rows[i % rows.length]!) };
}

interface TaskShape {
  readonly name: string;
  readonly title: string;
  readonly app?: BenchmarkTask['app'];
  /** Labels in order, or the file that lists them. */
  readonly labels?: readonly string[];
  readonly words?: Readonly<Record<string, string>>;
  /** Row → row, by view. */
  readonly views: Readonly<Record<string, convert.Converter>>;
}

function task({ name, title, app = 'text_classify', labels, words, views }: TaskShape): BenchmarkTask {
  const load = async ({ data, split, evaluateOn, view }: SplitRequest): Promise<SplitData> => {
    const folder = join(data, name);
    if (!existsSync(folder)) {
      throw new EasyNlpError('DATA_FILE_NOT_FOUND', { file: folder });
    }
    const known = labels ? { labels, words: words ?? {} } : labelWords(name, folder);
    const converter = views[view]!;
    const read = async (path: string, labelled = true): Promise<BenchmarkRows> =>
      converter(await readJsonRows(path), { labels: known.labels, file: path, labelled });
    const evaluated = evaluationFile(folder, split, evaluateOn);
    const dev = join(folder, `dev_${split}.json`);
    const unlabeled = ['unlabeled.json', 'unlabeled.json.gz']
      .map((file) => join(folder, file))
      .find(existsSync);
    const train = await read(join(folder, `train_${split}.json`));
    const evaluation = await read(evaluated);
    // In a cloze the labels are the idioms that may stand in the gap; rows with choices of their own have none.
    const idioms = converter.labels?.([train, evaluation]);
    return {
      train: idioms ? repeated(train, idioms.length) : train,
      evaluation,
      selection: evaluated.endsWith('test_public.json') ? await read(dev) : null,
      labels: idioms ?? known.labels,
      words: idioms ? {} : known.words,
      unlabeled: unlabeled === undefined ? null : () => read(unlabeled, false),
    };
  };
  return { name, title, app, metric: 'accuracy', views: Object.keys(views), load };
}

export const FEWCLUE_TASKS: readonly BenchmarkTask[] = [
  task({
    name: 'eprstmt',
    title: 'sentiment of product reviews',
    labels: ['Negative', 'Positive'],
    words: { Negative: '差', Positive: '好' },
    views: { rows: convert.single('sentence') },
  }),
  task({ name: 'csldcp', title: '67 scientific disciplines', views: { rows: convert.single('content') } }),
  task({ name: 'tnews', title: '15 topics of news titles', views: { rows: convert.single('sentence') } }),
  task({
    name: 'iflytek',
    title: '119 kinds of apps by their descriptions',
    views: { rows: convert.single('sentence', 'label_des') },
  }),
  task({
    name: 'ocnli',
    title: 'natural language inference',
    app: 'text_match',
    labels: ['entailment', 'neutral', 'contradiction'],
    words: { entailment: '是的', neutral: '并且', contradiction: '不是' },
    views: { rows: convert.pair },
  }),
  task({
    name: 'bustm',
    title: 'whether two short dialogue lines mean the same',
    app: 'text_match',
    labels: ['0', '1'],
    words: { 0: '不', 1: '相' },
    views: { rows: convert.pair },
  }),
  task({
    name: 'csl',
    title: 'whether all keywords belong to an abstract',
    app: 'text_match',
    labels: ['0', '1'],
    words: { 0: '不能', 1: '可以' },
    views: { rows: convert.csl },
  }),
  task({
    name: 'cluewsc',
    title: 'whether a pronoun means a noun (Winograd)',
    labels: ['false', 'true'],
    words: { false: '非', true: '即' },
    views: { rows: convert.cluewsc },
  }),
  task({
    name: 'chid',
    title: 'idiom for a gap, out of seven',
    labels: ['0', '1'],
    words: { 0: '错', 1: '对' },
    views: { rows: convert.chidPairs, cloze: convert.chidCloze, choices: convert.chidChoices },
  }),
];
