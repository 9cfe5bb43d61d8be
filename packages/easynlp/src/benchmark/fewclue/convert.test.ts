import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { testData } from '../../text/test-data.fixture.js';
import type { EvaluateOn, SplitData } from '../types.js';
import { FEWCLUE_TASKS } from './tasks.js';

const data = mkdtempSync(join(tmpdir(), 'easynlp-fewclue-'));
afterAll(() => rmSync(data, { recursive: true, force: true }));

const taskOf = (name: string) => FEWCLUE_TASKS.find((t) => t.name === name)!;

function write(task: string, files: Readonly<Record<string, readonly unknown[] | string>>): void {
  mkdirSync(join(data, task), { recursive: true });
  for (const [name, rows] of Object.entries(files)) {
    const text = typeof rows === 'string' ? rows : rows.map((row) => JSON.stringify(row)).join('\n');
    writeFileSync(join(data, task, name), `${text}\n`);
  }
}

const load = (
  task: string,
  { view = taskOf(task).views[0]!, evaluateOn = 'auto' as EvaluateOn, split = '0' } = {},
): Promise<SplitData> => taskOf(task).load({ data, split, evaluateOn, view });

/** The same rows as train and dev. */
const both = (task: string, rows: readonly unknown[], more = {}) =>
  write(task, { 'train_0.json': rows, 'dev_0.json': rows, ...more });

describe('FewCLUE rows', () => {
  it('of one text', async () => {
    both('eprstmt', [
      { id: 0, sentence: '声音清楚\t续航 长', label: 'Positive' },
      { id: 1, sentence: '第二天就坏了', label: 'Negative' },
    ]);
    const { train, labels, words, selection, evaluation, unlabeled } = await load('eprstmt');
    expect(train.rows).toEqual([
      { text: '声音清楚 续航 长', label: 'Positive' },
      { text: '第二天就坏了', label: 'Negative' },
    ]);
    expect([labels, words]).toEqual([['Negative', 'Positive'], { Negative: '差', Positive: '好' }]);
    expect([selection, unlabeled]).toEqual([null, null]);
    expect(evaluation.file).toMatch(/dev_0\.json$/);
  });

  it('with labels and words from the files beside them', async () => {
    const words = [
      { label: '100', label_desc: 'news_a', label_zh: '故事' },
      { label: '103', label_desc: 'news_b', label_zh: '体育' },
    ];
    both('tnews', [{ label: 103, label_desc: 'news_b', sentence: '主队赢了', keywords: '', id: 1 }], {
      'label_index2en2zh.json': words,
    });
    expect(await load('tnews')).toMatchObject({
      labels: ['100', '103'],
      words: { 100: '故事', 103: '体育' },
      train: { rows: [{ text: '主队赢了', label: '103' }] },
    });
    const tags = JSON.stringify({ label_des2tag: { 铁路: '铁路', K歌: '唱歌' } });
    both('iflytek', [{ label: 49, label_des: 'K歌', sentence: '大家一起唱', id: 0 }], {
      'label_words.json': tags,
    });
    expect(await load('iflytek')).toMatchObject({
      labels: ['铁路', 'K歌'],
      words: { 铁路: '铁路', K歌: '唱歌' },
      train: { rows: [{ text: '大家一起唱', label: 'K歌' }] },
    });
    both('csldcp', [{ content: '论桥的跨度', label: '铁路', id: 1 }], { 'label_words.json': tags });
    expect((await load('csldcp')).train.rows).toEqual([{ text: '论桥的跨度', label: '铁路' }]);
  });

  it('of two texts', async () => {
    const pair = { id: 0, sentence1: '今天热', sentence2: '今天不冷' };
    both('bustm', [{ ...pair, label: '1' }]);
    both('ocnli', [{ ...pair, label: 'entailment', level: 'easy', label0: null, genre: 'tv' }]);
    expect((await load('bustm')).train.rows).toEqual([
      { sentence1: '今天热', sentence2: '今天不冷', label: '1' },
    ]);
    expect((await load('ocnli')).train.rows[0]).toEqual({
      sentence1: '今天热',
      sentence2: '今天不冷',
      label: 'entailment',
    });
    both('csl', [{ id: 0, abst: '我们研究桥。', keyword: ['桥', '跨度'], label: '0' }]);
    expect((await load('csl')).train.rows).toEqual([
      { abstract: '我们研究桥。', keywords: '桥、跨度', label: '0' },
    ]);
  });

  it('with a pronoun, counted in code points', async () => {
    const row = {
      target: { span1_text: '老李', span1_index: 1, span2_text: '他', span2_index: 6 },
      idx: 0,
      label: 'true',
      text: '𠮷老李说，昨天他没来。',
    };
    const wrong = { ...row, target: { ...row.target, span2_index: 7 } };
    // Text position 6 is 天; the pronoun stands at 7.
    both('cluewsc', [wrong]);
    expect((await load('cluewsc')).train.rows).toEqual([
      {
        marked: '𠮷[老李]说，昨天_他_没来。',
        pronoun: '他',
        noun: '老李',
        text: '𠮷老李说，昨天他没来。',
        label: 'true',
      },
    ]);
    both('cluewsc', [wrong, row]);
    await expect(load('cluewsc')).rejects.toThrow(
      /train_0\.json, line 2: target\.span2_text "他" does not stand at/,
    );
  });

  const idiom = {
    id: 1,
    candidates: ['画蛇添足', '守株待兔', '井底之蛙'],
    content: '他总是#idiom#，等着好运。',
    answer: 1,
  };

  it('with a gap: each candidate in it as a pair', async () => {
    both('chid', [idiom]);
    const { train, labels } = await load('chid');
    expect(labels).toEqual(['0', '1']);
    expect(train.rows).toEqual([
      { idiom: '画蛇添足', text: '他总是画蛇添足，等着好运。', label: '0' },
      { idiom: '守株待兔', text: '他总是守株待兔，等着好运。', label: '1' },
      { idiom: '井底之蛙', text: '他总是井底之蛙，等着好运。', label: '0' },
    ]);
    expect(train.questions).toEqual([
      { answer: 1, candidates: [0, 1, 2].map((row) => ({ row, label: '1' })) },
    ]);
  });

  it('with a gap: a question a row for multiple_choice, which has no labels', async () => {
    both('chid', [{ ...idiom, content: '他总是#idiom#，等着#idiom#。' }]);
    const { train, labels, words } = await load('chid', { view: 'choices' });
    expect(train).toMatchObject({
      rows: [{ text: '他总是#idiom#，等着　　。', choices: idiom.candidates, label: '1' }],
    });
    expect([train.questions, labels, words]).toEqual([undefined, [], {}]);
  });

  it('with a gap: a cloze whose labels are all candidates', async () => {
    const other = { ...idiom, candidates: ['守株待兔', '亡羊补牢', '画龙点睛'], answer: 0 };
    write('chid', { 'train_0.json': [idiom], 'dev_0.json': [other] });
    const { train, evaluation, labels, words } = await load('chid', { view: 'cloze' });
    expect(labels).toEqual(['画蛇添足', '守株待兔', '井底之蛙', '亡羊补牢', '画龙点睛']);
    expect(words).toEqual({});
    expect(train.rows[0]).toEqual({ before: '他总是', after: '，等着好运。', label: '守株待兔' });
    // As many rows as labels, the same ones over and over; the question is one.
    expect(train.rows).toHaveLength(5);
    expect(new Set(train.rows).size).toBe(1);
    expect(train.questions).toHaveLength(1);
    expect(evaluation.questions).toEqual([
      { answer: 0, candidates: other.candidates.map((label) => ({ row: 0, label })) },
    ]);
  });

  it('of the public test where it is there; dev then serves for choosing', async () => {
    const row = { id: 0, sentence: '好', label: 'Positive' };
    both('eprstmt', [row], { 'test_public.json': [row, row], 'dev_few_all.json': [row, row, row] });
    const test = await load('eprstmt');
    expect([test.evaluation.rows.length, test.selection?.rows.length]).toEqual([2, 1]);
    const dev = await load('eprstmt', { evaluateOn: 'dev' });
    expect([dev.evaluation.rows.length, dev.selection]).toEqual([1, null]);
    expect((await load('eprstmt', { evaluateOn: 'dev-all' })).evaluation.rows).toHaveLength(3);
  });
});

describe('FewCLUE files that are wrong', () => {
  it.each([
    [
      'label',
      [{ sentence: '好', label: 'positive' }],
      'DATA_LABEL_UNKNOWN',
      /line 1, column "label".*Did you mean "Positive"/,
    ],
    [
      'field',
      [{ sentense: '好', label: 'Positive' }],
      'DATA_COLUMN_UNKNOWN',
      /"sentence".*Did you mean "sentense"/,
    ],
    [
      'type',
      [
        { sentence: '好', label: 'Positive' },
        { sentence: 3, label: 'Positive' },
      ],
      'DATA_CELL',
      /line 2.*3 is not a text/,
    ],
    ['JSON', '{"sentence": "好"', 'DATA_ROW_MALFORMED', /line 1: not valid JSON/],
  ])('by a %s', async (_, rows, code, message) => {
    write('eprstmt', { 'train_0.json': rows as string, 'dev_0.json': rows as string });
    await expect(load('eprstmt', { evaluateOn: 'dev' })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  it('by being absent', async () => {
    both('bustm', [{ sentence1: '一', sentence2: '二', label: '1' }]);
    await expect(load('bustm', { split: '1' })).rejects.toMatchObject({
      code: 'DATA_FILE_NOT_FOUND',
      message: expect.stringMatching(/train_1\.json: there is no such file\. Did you mean "train_0\.json"/),
    });
    rmSync(join(data, 'csl'), { recursive: true, force: true });
    await expect(load('csl')).rejects.toMatchObject({ code: 'DATA_FILE_NOT_FOUND' });
  });

  it('by a gap or candidates that are missing, or an answer beyond them', async () => {
    const row = { candidates: ['画蛇添足'], content: '没有空', answer: 0 };
    both('chid', [row]);
    await expect(load('chid')).rejects.toThrow(/line 1: the content has no gap/);
    both('chid', [{ ...row, content: '他#idiom#。', answer: 1 }]);
    await expect(load('chid')).rejects.toThrow(/column "answer": 1 is not a whole number from 0 to 0/);
  });
});

const real = testData();
const folder = real === null ? null : join(real, 'fewclue');

describe.skipIf(folder === null || !existsSync(folder))(
  'real FewCLUE (EASYNLP_TEST_DATA or ../shared/data)',
  () => {
    it.each([
      ['eprstmt', 32, 32, 2],
      ['csldcp', 536, 536, 67],
      ['tnews', 240, 240, 15],
      ['iflytek', 928, 690, 119],
      ['ocnli', 32, 32, 3],
      ['bustm', 32, 32, 2],
      ['csl', 32, 32, 2],
      ['cluewsc', 32, 32, 2],
      ['chid', 42, 42, 2],
    ])('%s has %d and %d rows a split and %d labels', async (name, train, dev, labels) => {
      const task = taskOf(name);
      for (const split of ['0', '1', '2', '3', '4']) {
        for (const view of task.views) {
          const loaded = await task.load({ data: folder!, split, evaluateOn: 'dev', view });
          const count = ({ questions, rows }: SplitData['train']) => questions?.length ?? rows.length;
          expect([count(loaded.train), count(loaded.evaluation)]).toEqual([train, dev]);
          if (view === 'rows') expect(loaded.labels).toHaveLength(labels);
          if (view === 'rows') expect(Object.keys(loaded.words).sort()).toEqual([...loaded.labels].sort());
        }
      }
    });
  },
);
