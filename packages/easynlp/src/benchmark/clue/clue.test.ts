import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { readingTrainOptions } from '../../appzoo/machine-reading-comprehension/options.js';
import { multipleChoiceTrainOptions } from '../../appzoo/multiple-choice/options.js';
import { trainConfigSchema } from '../../config/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { planRuns } from '../plan.js';
import { runSuite } from '../run-suite.js';
import { settingsOf } from '../settings.js';
import type { BenchmarkEngine, EvaluateOn } from '../types.js';
import { clue } from './index.js';

const root = mkdtempSync(join(tmpdir(), 'easynlp-clue-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let data = '';
beforeEach(() => {
  data = mkdtempSync(join(root, 'data-'));
});

const taskOf = (name: string) => clue.tasks.find((t) => t.name === name)!;
const load = (name: string, { view = taskOf(name).views[0]!, evaluateOn = 'auto' as EvaluateOn } = {}) =>
  taskOf(name).load({ data, split: 'full', evaluateOn, view });

const file = (path: string, content: string | Buffer) => {
  mkdirSync(join(data, path, '..'), { recursive: true });
  writeFileSync(join(data, path), content);
};
const lines = (rows: readonly unknown[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
/** The same rows as train and dev. */
const both = (folder: string, rows: readonly unknown[]) => {
  for (const name of ['train', 'dev']) file(`${folder}/${name}.json`, lines(rows));
};

describe('CLUE rows', () => {
  it('of pairs, in the folders of the archives', async () => {
    both('afqmc_public', [{ sentence1: '蚂蚁借呗', sentence2: '借呗\t等额', label: '0' }]);
    const { train, evaluation, labels, selection } = await load('afqmc');
    expect(train.rows).toEqual([{ sentence1: '蚂蚁借呗', sentence2: '借呗 等额', label: '0' }]);
    expect([labels, selection]).toEqual([['0', '1'], null]);
    expect(evaluation.file).toBe(join(data, 'afqmc_public', 'dev.json'));
  });

  it('of texts', async () => {
    both('tnews', [{ label: '102', label_desc: 'news_entertainment', sentence: '江疏影', keywords: '' }]);
    both('iflytek', [{ label: '118', label_des: '其他', sentence: '应用' }]);
    expect((await load('tnews')).train.rows).toEqual([{ text: '江疏影', label: '102' }]);
    expect((await load('iflytek')).train.rows).toEqual([{ text: '应用', label: '118' }]);
    expect([(await load('tnews')).labels.length, (await load('iflytek')).labels.length]).toEqual([15, 119]);
    both('tnews', [{ label: '105', sentence: '没有这一类' }]);
    await expect(load('tnews')).rejects.toThrow(
      /train\.json, line 1, column "label": the label "105" is not one of/,
    );
  });

  it('of inference, without those that nobody agreed on', async () => {
    const rows = [
      { sentence1: '甲', sentence2: '乙', label: 'neutral' },
      { sentence1: '丙', sentence2: '丁', label: '-' },
    ];
    both('cmnli', rows);
    expect((await load('cmnli')).evaluation.rows).toEqual([rows[0]]);
    file('ocnli/train.50k.json.gz', gzipSync(lines(rows)));
    file('ocnli/dev.json', lines(rows));
    expect((await load('ocnli')).train.rows).toEqual([rows[0]]);
  });

  it('of abstracts and of pronouns', async () => {
    both('csl', [{ id: 1, abst: '为解决传统均匀FFT波束', keyword: ['水声学', 'FFT'], label: '1' }]);
    const { train } = await load('csl');
    expect(train.rows).toEqual([{ keywords: '水声学、FFT', abstract: '为解决传统均匀FFT波束', label: '1' }]);
    const target = { span1_text: '小明', span1_index: 0, span2_text: '他', span2_index: 3 };
    both('cluewsc2020', [{ target, idx: 0, label: 'true', text: '小明说他累' }]);
    expect((await load('cluewsc2020')).train.rows[0]).toMatchObject({
      marked: '[小明]说_他_累',
      label: 'true',
    });
  });

  const document = (text: string, start: number) =>
    JSON.stringify({
      version: 'v1.0',
      data: [
        {
          title: '花',
          paragraphs: [
            {
              id: 'P',
              context: '梅花在冬天开。',
              qas: [{ id: 'Q', question: '何时开？', answers: [{ text, answer_start: start }] }],
            },
          ],
        },
      ],
    });

  it('of questions about texts; DRCD is measured on test where it is there', async () => {
    for (const name of ['train', 'dev']) {
      file(`cmrc2018/${name}.json`, document('冬天', 3));
      file(`drcd/${name}.json`, document('冬天', 3));
    }
    const read = await load('cmrc2018');
    expect(read.labels).toEqual([]);
    expect(read.evaluation.rows).toEqual([
      {
        qas_id: 'Q',
        question_text: '何时开？',
        context_text: '梅花在冬天开。',
        answer_text: ['冬天'],
        start_position_character: [3],
      },
    ]);
    expect((await load('drcd')).evaluation.file).toMatch(/dev\.json$/);
    file('drcd/test.json', document('冬天', 3));
    const { evaluation, selection } = await load('drcd');
    expect([evaluation.file, selection?.file].map((path) => path?.slice(-9))).toEqual([
      'test.json',
      '/dev.json',
    ]);
    expect((await load('drcd', { evaluateOn: 'dev' })).selection).toBeNull();
  });

  const IDIOMS = ['画蛇添足', '守株待兔', '井底之蛙', '叶公好龙', '亡羊补牢'];

  const ANSWERS = { '#idiom000001#': 1, '#idiom000002#': 0, '#idiom000003#': 4 };
  const PASSAGES = {
    content: ['他#idiom000001#，又\n#idiom000002#。', '别#idiom000003#！'],
    candidates: IDIOMS,
  };

  it('of gaps: every gap a question, those of a line in a group', async () => {
    both('chid', [PASSAGES, { content: ['#idiom000001#'], candidates: IDIOMS }]);
    for (const name of ['train', 'dev']) file(`chid/${name}_answer.json`, JSON.stringify(ANSWERS));
    const { train, evaluation, labels } = await load('chid');
    expect(evaluation.rows).toEqual([
      { text: '他#idiom#，又 　　。', choices: IDIOMS, label: '1', passage: '1' },
      { text: '他　　，又 #idiom#。', choices: IDIOMS, label: '0', passage: '1' },
      { text: '别#idiom#！', choices: IDIOMS, label: '4', passage: '1' },
      { text: '#idiom#', choices: IDIOMS, label: '1', passage: '2' },
    ]);
    expect([train.rows, evaluation.questions, labels]).toEqual([evaluation.rows, undefined, []]);
  });

  it('of gaps whose answers are lines, as ChID’s first release has them', async () => {
    both('chid', [PASSAGES]);
    for (const name of ['train', 'dev']) {
      file(`chid/${name}_answer.json`, '#idiom000001#,1\n#idiom000002#,0\n#idiom000003#,4\n');
    }
    expect((await load('chid')).train.rows.map((row) => row.label)).toEqual(['1', '0', '4']);
    file('chid/dev_answer.json', '#idiom000001#,1\n#idiom000002#,\n');
    await expect(load('chid')).rejects.toThrow(/the answer "" for #idiom000002# in dev_answer\.json/);
  });

  it('of gaps in long passages: the gap stays within its surroundings', async () => {
    both('chid', [{ content: [`${'前'.repeat(400)}#idiom000001#${'后'.repeat(400)}`], candidates: IDIOMS }]);
    for (const name of ['train', 'dev']) file(`chid/${name}_answer.json`, '{"#idiom000001#": 2}');
    const { evaluation } = await load('chid');
    expect(evaluation.rows[0]!.text).toBe(`${'前'.repeat(64)}#idiom#${'后'.repeat(64)}`);
  });

  it.each([
    ['{}', /train\.json, line 1: train_answer\.json has no answer for #idiom000001#/],
    ['{"#idiom000001#": 5}', /the answer 5 for #idiom000001# .* is not a number from 0 to 4/],
    ['[1]', /train_answer\.json.*expected an object of gaps and answers/],
  ])('of gaps whose answers are %s are refused', async (answers, message) => {
    both('chid', [{ content: ['他#idiom000001#。'], candidates: IDIOMS }]);
    for (const name of ['train', 'dev']) file(`chid/${name}_answer.json`, answers);
    await expect(load('chid')).rejects.toThrow(message);
  });

  const c3 = (answer: string) =>
    JSON.stringify([
      [['男：几点了？', '女：三点。'], [{ question: '现在几点？', choice: ['两点', '三点'], answer }], '1-1'],
    ]);

  it('of multiple choice in files of the names that C3 itself has', async () => {
    for (const name of ['d-train', 'm-train', 'd-dev', 'm-dev']) file(`c3/c3-${name}.json`, c3('两点'));
    expect((await load('c3')).train.rows.map((row) => row.label)).toEqual(['0', '0']);
  });

  it('of multiple choice: dialogues and other texts together', async () => {
    for (const name of ['d-train', 'm-train', 'd-dev', 'm-dev']) file(`c3/${name}.json`, c3('三点'));
    const { train, evaluation } = await load('c3');
    const question = {
      text: '男：几点了？ 女：三点。',
      question: '现在几点？',
      choices: ['两点', '三点'],
      label: '1',
    };
    expect(train.rows).toEqual([question, question]);
    expect(evaluation.questions).toBeUndefined();
    expect(evaluation.file).toBe(join(data, 'c3', 'd-dev.json + m-dev.json'));
    file('c3/m-train.json', c3('四点'));
    await expect(load('c3')).rejects.toThrow(/m-train\.json.*\[0\]\[1\]\[0\]\.answer: "四点" is none/);
    file('c3/m-train.json', '[[1]]');
    await expect(load('c3')).rejects.toThrow(/\[0\]: expected \[list of lines/);
  });
});

describe('what is not there', () => {
  it.each(clue.tasks.map((t) => t.name))('%s: the files that are expected are named', async (name) => {
    const error = await load(name).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(EasyNlpError);
    expect(error).toMatchObject({ code: 'DATA_FILE_NOT_FOUND', exitCode: 3 });
    const { message, hint } = error as EasyNlpError;
    expect(message).toContain(join(data, name));
    expect(hint).toContain(`${name} or ${name}_public: `);
    expect(hint).toMatch(/train.*\.json.*dev.*\.json/);
  });

  it('of a task whose folder is there, too', async () => {
    file('chid/train.json', lines([{ content: ['他#idiom000001#。'], candidates: ['画蛇添足'] }]));
    const error = (await load('chid').catch((e: unknown) => e)) as EasyNlpError;
    expect(error.message).toContain('train_answer.json');
    expect(error.hint).toContain('train.json, train_answer.json, dev.json, dev_answer.json');
  });

  it('are the answers of test rows', async () => {
    await expect(load('afqmc', { evaluateOn: 'test' })).rejects.toThrow(/test rows of afqmc are not public/);
    await expect(load('afqmc', { evaluateOn: 'dev-all' })).rejects.toThrow(/fewclue only/);
  });
});

describe('CLUE settings', () => {
  it.each([
    ['afqmc', 5e-5, 48, 256, 5],
    ['cmnli', 3e-5, 16, 128, 5],
    ['csl', 1e-5, 32, 256, 5],
    ['iflytek', 5e-5, 16, 128, 5],
    ['ocnli', 3e-5, 16, 128, 5],
    ['tnews', 5e-5, 32, 128, 5],
    ['cluewsc2020', 5e-5, 32, 128, 50],
  ])('%s has those of EasyNLP', (task, learningRate, batchSize, sequenceLength, epochs) => {
    const { options } = settingsOf(clue.settings, { task, method: 'finetune', profile: 'base' });
    expect(options).toMatchObject({ learningRate, batchSize, sequenceLength, epochs });
  });

  it.each([
    ['cmrc2018', readingTrainOptions],
    ['drcd', readingTrainOptions],
    ['chid', multipleChoiceTrainOptions],
    ['c3', multipleChoiceTrainOptions],
  ])('of %s are options that its task has', (task, own) => {
    const known = [...Object.keys(own.shape), ...Object.keys(trainConfigSchema.shape)];
    expect(known).toEqual(expect.arrayContaining(Object.keys(clue.settings.tasks[task]!.all!)));
  });

  it('have published figures of tasks that exist', () => {
    const names = clue.tasks.map((t) => t.name);
    for (const { figures } of clue.published!.rows)
      expect(names).toEqual(expect.arrayContaining(Object.keys(figures)));
    const test = clue.published!.rows.find((r) => r.method === 'BERT-base (test)')!.figures;
    expect([test.afqmc, test.chid, test.c3, test.drcd]).toEqual(
      [73.7, 82.04, 64.5, 85.49].map((mean) => ({ mean })),
    );
  });
});

describe('CLUE runs', () => {
  it('train reading without labels, measure EM, and do nothing twice', async () => {
    const text = JSON.stringify({
      data: [
        {
          paragraphs: [
            {
              context: '花开了。',
              qas: [{ id: 'Q', question: '谁？', answers: [{ text: '花', answer_start: 0 }] }],
            },
          ],
        },
      ],
    });
    for (const name of ['train', 'dev']) file(`cmrc2018/${name}.json`, text);
    const trained: Readonly<Record<string, unknown>>[] = [];
    const engine: BenchmarkEngine = {
      async train(options) {
        trained.push(options);
        return { stopped: 'finished', steps: 1 };
      },
      evaluate: async () => ({ metrics: { f1: 0.75, em: 0.5 }, rows: 1 }),
      pipeline: () => Promise.reject(new Error('not asked')),
    };
    const request = {
      ...{ data, model: 'bert-fake', output: join(data, 'out'), methods: ['finetune'], tasks: ['cmrc2018'] },
      ...{ splits: [], seeds: [1, 2], evaluateOn: 'auto' as const, profile: 'base', settings: clue.settings },
      ...{ precision: 'fp32', machine: {}, keepModels: false },
    };
    const plan = planRuns(clue, request, () => [{ name: 'finetune' }]);
    const run = () =>
      runSuite(clue, request, plan, { engine, signal: new AbortController().signal, log: () => {} });
    const results = await run();
    expect(results.map((r) => [r.seed, r.score, r.metrics.f1, r.evaluatedOn])).toEqual([
      [1, 0.5, 0.75, 'dev.json'],
      [2, 0.5, 0.75, 'dev.json'],
    ]);
    expect(trained[0]).toMatchObject({ app: 'machine_reading_comprehension', language: 'zh', epochs: 2 });
    expect(Object.keys(trained[0]!)).not.toContain('labels');
    expect(JSON.parse(readFileSync(trained[0]!.train as string, 'utf8'))).toMatchObject({
      answer_text: ['花'],
    });
    expect(await run()).toEqual(results);
    expect(trained).toHaveLength(2);
  });
});
