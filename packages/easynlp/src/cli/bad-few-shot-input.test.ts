import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { questionPairs, reviews, workFolder, writeTsv } from '../predictor/models.fixture.js';
import { FakeIo } from './fake-io.fixture.js';
import type { Library } from './library.js';
import { main } from './main.js';

/**
 * What few-shot learning and distillation cannot work with, through the command line with the real toolkit behind it:
 * each is told before any step, with the exit code of its kind, and leaves nothing behind.
 */
const folder = workFolder('bad-few-shot');
const at = (name: string) => join(folder, name);
const model = fileURLToPath(new URL('../../../models-zh/bert-tiny-zh', import.meta.url));
const OUTPUT = at('out');
/** A classifier of 甲 and 乙. */
const OTHER = at('other');

async function easynlp(argv: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const io = new FakeIo();
  io.library = async () => (await import('../index.js')) as unknown as Library;
  const code = await main(argv, io);
  return { code, out: io.out, err: io.err };
}

const file = (name: string, lines: readonly string[]): string => {
  writeFileSync(at(name), lines.map((line) => `${line}\n`).join(''));
  return at(name);
};

const TRAIN = writeTsv(at('train.tsv'), reviews(12));
const PAIRS = writeTsv(at('pairs.tsv'), questionPairs(12));
const ONE_CLASS = writeTsv(
  at('one-class.tsv'),
  reviews(12).filter(({ label }) => label === '好评'),
);
const TWO_ROWS = writeTsv(at('two-rows.tsv'), reviews(2));
const EMPTY = file('empty.tsv', ['label\ttext']);
const MORE = file('more.txt.tsv', ['text', '房间很大', '太差了']);
const logits = (name: string, rows: number, line = '0.5,-1.25') =>
  file(
    name,
    Array.from({ length: rows }, () => line),
  );
const group = (name: string, tasks: readonly object[]) => file(name, [JSON.stringify({ tasks })]);

const PATTERN = 'text,"，总之很",label';
const WORDS = '好,差';
const small = ['--sequence-length', '48', '--device', 'cpu', '--num-threads', '1', '--max-steps', '3'];

interface Given {
  readonly app?: string;
  readonly method?: string;
  readonly train?: string;
  readonly pattern?: string | null;
  readonly words?: string | null;
  readonly more?: readonly string[];
}

const argv = ({ app = 'text_classify', method = 'pet', train = TRAIN, pattern, words, more = [] }: Given) => {
  const prompted = /^(pet|ptuning|pet_ensemble)$/.test(method);
  const own = pattern ?? (method === 'ptuning' ? `<pseudo:2>,${PATTERN}` : PATTERN);
  return [
    ...['train', app, '--method', method, '--train', train, '--model', model, '--output', OUTPUT],
    ...(prompted && pattern !== null ? [method === 'pet_ensemble' ? '--patterns' : '--pattern', own] : []),
    ...(prompted && words !== null ? ['--label-words', words ?? WORDS] : []),
    ...(method === 'pet_ensemble' ? ['--unlabelled', MORE] : []),
    ...small,
    ...more,
  ];
};

/** The same for `easynlp land`, whose first training is a plain one of the large model. */
const landing = ({ train = TRAIN, pattern, words, more = [] }: Given) => [
  ...['land', '--train', train, '--dev', TRAIN, '--unlabelled', MORE, '--large', model, '--small', model],
  ...['--pattern', pattern ?? PATTERN, '--label-words', words ?? WORDS, '--output', OUTPUT],
  ...['--sequence-length', '48', '--device', 'cpu', '--num-threads', '1'],
  ...more,
];

/** The same with EasyNLP's flags. */
const flags = ({ train = TRAIN, pattern, words, more = [] }: Given) => [
  ...['--mode=train', '--app_name=text_classify', `--tables=${train},${TRAIN}`, `--checkpoint_dir=${OUTPUT}`],
  ...['--input_schema=label:str:1,text:str:1', '--first_sequence=text', '--label_name=label'],
  ...['--label_enumerate_values=好评,差评', '--sequence_length=48', '--worker_gpu=0', '--skip_first_line'],
  `--user_defined_parameters=pretrain_model_name_or_path=${model} enable_fewshot=True type=pet_fewshot label_desc=${words ?? WORDS} pattern=${pattern ?? 'text,总之很,label'} num_threads=1`,
  ...more,
];

const fewShot = ['pet', 'ptuning', 'cptuning', 'pet_ensemble'] as const;
const kd = (path: string) => ({ method: 'kd', more: ['--teacher-logits', path] });

type Case = readonly [what: string, given: Given, code: number, said: readonly RegExp[]];

const CASES: readonly Case[] = [
  // Patterns
  ['a pattern without the label', { pattern: 'text,"，总之"' }, 2, [/the label is missing/, /Put label/]],
  [
    'a pattern without a column',
    { pattern: '"总之很",label' },
    2,
    [/it reads no column/, /Columns: label, text/],
  ],
  [
    'a pattern without the second text',
    { app: 'text_match', train: PAIRS, pattern: 'sentence1,label', words: '坏,好' },
    ...([2, [/sentence2/]] as const),
  ],
  [
    'a mistyped column',
    { pattern: 'txet,label' },
    2,
    [/character 1: there is no column "txet"/, /mean text\?/],
  ],
  ['the label twice', { pattern: 'label,text,label' }, 2, [/character 12: .*second time/]],
  ['a quote that is not closed', { pattern: 'text,label,"好' }, 2, [/character 12: .*never closed/]],
  ['an empty pattern', { pattern: '' }, 2, [/empty|pattern/i]],
  ['no pattern', { pattern: null }, 2, [/pattern/]],
  ['a trainable token where there are none', { pattern: '<pseudo>,text,label' }, 2, [/<pseudo>/, /ptuning/]],
  ['no trainable token', { method: 'ptuning', pattern: 'text,label' }, 2, [/trainable|<pseudo>/]],
  [
    'a pattern longer than the text may be',
    { pattern: `text,"${'很长的话'.repeat(20)}",label` },
    ...([2, [/48/, /room|prompt/i]] as const),
  ],
  // Label words
  ['label words unknown to the tokenizer', { words: '好,𪚥' }, 2, [/does not know "𪚥" of the label 差评/]],
  [
    'label words that are no tokens at all',
    { words: '\u200b,差' },
    2,
    [/does not know "\u200b" of the label/],
  ],
  ['too few label words', { words: '好|差' }, 2, [/one entry for 2 labels|1 entries for the 2 labels/]],
  ['too many label words', { words: '好,差,中' }, 2, [/3 entries for the 2 labels/]],
  ['one word for two labels', { words: '好,好' }, 2, [/the same tokens/]],
  ['an empty label word', { words: '好|,差' }, 2, [/an empty word for the label 好评/]],
  ['no label words', { words: null }, 2, [/labelWords|label-words/]],
  [
    'a file of label words for other labels',
    { words: file('words.json', ['{"好": "好"}']) },
    2,
    [/none for/],
  ],
  // Training sets
  ...fewShot.map(
    (method): Case => [
      `${method}: a single class`,
      { method, train: ONE_CLASS },
      3,
      [/label is "好评"|all 6 rows/],
    ],
  ),
  ...[...fewShot, 'finetune'].map(
    (method): Case => [
      `${method}: a single class, though more are declared`,
      { method, train: ONE_CLASS, more: ['--labels', '好评,差评'] },
      ...([3, [/one-class\.tsv/, /all 6 rows have the label "好评"/]] as const),
    ],
  ),
  ...[...fewShot, 'finetune'].map(
    (method): Case => [
      `${method}: fewer rows than classes`,
      { method, train: TWO_ROWS, words: '好,差,中', more: ['--labels', '好评,差评,中评'] },
      ...([3, [/two-rows\.tsv/, /2 rows for 3 labels/]] as const),
    ],
  ),
  ...[...fewShot, 'finetune', 'kd'].map(
    (method): Case => [
      `${method}: no rows`,
      { method, train: EMPTY, more: method === 'kd' ? ['--teacher-logits', logits('none.txt', 1)] : [] },
      ...([3, [/empty\.tsv/]] as const),
    ],
  ),
  // Teachers
  ['logits of too few rows', kd(logits('short.txt', 11)), 3, [/short\.txt.*11 rows.*12 rows/s]],
  ['logits of too many rows', kd(logits('long.txt', 13)), 3, [/long\.txt.*line 13.*13 rows.*12 rows/s]],
  ['logits of other labels', kd(logits('three.txt', 12, '1,2,3')), 3, [/line 1.*3 numbers, expected 2/s]],
  ['logits that are no numbers', kd(logits('words.txt', 12, '好,差')), 3, [/line 1.*"好" is not a number/s]],
  ['logits that are lost', kd(logits('nan.txt', 12, 'nan,1')), 3, [/line 1.*nan/s]],
  [
    'a line of logits that is shorter than the others',
    kd(file('uneven.txt', [...Array.from({ length: 11 }, () => '1,2'), '1'])),
    ...([3, [/line 12.*1 number, expected 2/s]] as const),
  ],
  ['a file of logits that is not there', kd(at('nowhere.txt')), 3, [/nowhere\.txt/]],
  ['no teacher', { method: 'kd' }, 2, [/kd needs a teacher/, /--teacher/]],
  ['a teacher that is no model', { method: 'kd', more: ['--teacher', folder] }, 4, [/bad-few-shot/]],
  [
    'a teacher that was never trained for the task',
    { method: 'kd', more: ['--teacher', model] },
    ...([2, [/bert-tiny-zh.*language_modeling has no logits/s]] as const),
  ],
  [
    'a teacher of other labels',
    { method: 'kd', more: ['--teacher', OTHER] },
    ...([
      2,
      [/its labels are 甲, 乙, the student's 好评, 差评|its labels are 乙, 甲, the student's/],
    ] as const),
  ],
  ['kd: a single class', { ...kd(logits('one.txt', 6)), train: ONE_CLASS }, 3, [/the only label is "好评"/]],
  [
    'kd: fewer rows than classes, and no others',
    {
      ...{ method: 'kd', train: TWO_ROWS },
      more: ['--labels', '好评,差评,中评', '--teacher-logits', logits('two.txt', 2, '1,2,3')],
    },
    ...([3, [/2 rows for 3 labels/]] as const),
  ],
  // Groups of tasks
  [
    'a task of a group without the label in its pattern',
    {
      method: 'transprompt',
      train: group('no-label.json', [
        { name: '甲', train: TRAIN, pattern: '<pseudo>,text', labelWords: ['好', '差'] },
      ]),
    },
    ...([2, [/甲|label is missing/]] as const),
  ],
  [
    'a task of a group with a single class',
    {
      method: 'transprompt',
      train: group('single.json', [
        { name: '甲', train: ONE_CLASS, pattern: '<pseudo>,text,label', labelWords: ['好', '差'] },
      ]),
    },
    ...([3, [/好评/]] as const),
  ],
];

async function expectRefused(args: readonly string[], code: number, said: readonly RegExp[]): Promise<void> {
  const found = await easynlp(args);
  expect({ code: found.code, err: found.err }).toMatchObject({ code });
  for (const words of said) expect(found.err).toMatch(words);
  // A sentence for people, never a stack.
  expect(found.err).not.toMatch(/^\s+at .*:\d+:\d+/m);
  expect(found.err + found.out).not.toMatch(/\b(?:step|epoch) 1\b/);
  expect(existsSync(OUTPUT) ? readdirSync(OUTPUT) : []).toEqual([]);
}
afterEach(() => rmSync(OUTPUT, { recursive: true, force: true }));

beforeAll(async () => {
  const rows = ['甲', '乙'].map((label, i) => ({ label, text: `很${'好差'[i]}` }));
  const { code, err } = await easynlp([
    ...['train', 'text_classify', '--architecture', 'text-cnn', '--train', writeTsv(at('other.tsv'), rows)],
    ...['--output', OTHER, ...small],
  ]);
  expect(code, err).toBe(0);
});

describe('few-shot learning and distillation refuse', () => {
  it.each(CASES)('%s', (_, given, code, said) => expectRefused(argv(given), code, said));
});

describe('landing refuses, before the first of its trainings,', () => {
  it.each<Case>([
    ['a pattern without the label', { pattern: 'text' }, 2, [/the label is missing/]],
    ['label words unknown to the tokenizer', { words: '好,𪚥' }, 2, [/does not know "𪚥"/]],
    ['a single class', { train: ONE_CLASS }, 3, [/only label is "好评"/]],
    [
      'a single class, though more are declared',
      { train: ONE_CLASS, more: ['--labels', '好评,差评'] },
      ...([3, [/all 6 rows have the label "好评"/]] as const),
    ],
    [
      'fewer rows than classes',
      { train: TWO_ROWS, words: '好,差,中', more: ['--labels', '好评,差评,中评'] },
      ...([3, [/2 rows for 3 labels/]] as const),
    ],
    ['rows without labels that lack the text', { more: ['--unlabelled', PAIRS] }, 3, [/pairs\.tsv.*text/s]],
    ['rows without labels that are not there', { more: ['--unlabelled', at('no.tsv')] }, 3, [/no\.tsv/]],
    ['test rows without labels', { more: ['--test', MORE] }, 3, [/more\.txt\.tsv.*label/s]],
    [
      'texts longer than a model can read',
      { more: ['--sequence-length', '4096'] },
      2,
      [/at most \d+, the pos/],
    ],
  ])('%s', (_, given, code, said) => expectRefused(landing(given), code, said));
});

describe('the flags of EasyNLP are refused with', () => {
  it.each<Case>([
    ['a pattern without the label', { pattern: 'text,总之' }, 2, [/the label is missing/]],
    ['label words unknown to the tokenizer', { words: '好,𪚥' }, 2, [/does not know "𪚥"/]],
    ['a single class', { train: ONE_CLASS }, 3, [/all 6 rows have the label "好评"/]],
  ])('%s', (_, given, code, said) => expectRefused(flags(given), code, said));

  it('a single class, without few-shot learning', () =>
    expectRefused(
      flags({ train: ONE_CLASS }).map((flag) =>
        flag.startsWith('--user') ? `--user_defined_parameters=pretrain_model_name_or_path=${model}` : flag,
      ),
      3,
      [/all 6 rows have the label "好评"/],
    ));
});
