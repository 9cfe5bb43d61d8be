import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { evaluate } from '../../predictor/evaluate.js';
import { questionPairs, tiny, workFolder, writeTsv } from '../../predictor/models.fixture.js';
import { type Pipeline, pipeline } from '../../predictor/pipeline.js';
import { predict } from '../../predictor/predict.js';
import { train } from '../../trainer/train.js';

const folder = workFolder('text-match');
const at = (name: string) => join(folder, name);
let data = '';
let model = '';
let match: Pipeline<'text_match'>;

beforeAll(async () => {
  data = writeTsv(at('pairs.tsv'), questionPairs(48));
  model = at('model');
  await train({ ...tiny('bert'), maxSteps: 60, app: 'text_match', train: data, dev: data, output: model });
  match = await pipeline('text_match', model);
});

describe('one tower', () => {
  it('finds the columns of pairs and learns them', async () => {
    expect(match.spec).toMatchObject({
      app: 'text_match',
      firstSequence: 'sentence1',
      secondSequence: 'sentence2',
      labels: ['0', '1'],
    });
    const { metrics, rows } = await evaluate({ model, data });
    expect(rows).toBe(48);
    expect(metrics.accuracy).toBeGreaterThan(0.8);
    expect(metrics).toHaveProperty('f1');
  });

  it.each([
    ['sent1', 'sent2'],
    ['text_a', 'text_b'],
    ['text1', 'text2'],
    ['question1', 'question2'],
  ])('finds %s and %s', async (first, second) => {
    const rows = questionPairs(4).map((r) => ({
      [first]: r.sentence1,
      label: r.label,
      [second]: r.sentence2,
    }));
    const path = writeTsv(at(`${first}.tsv`), rows);
    const output = at(`out-${first}`);
    await train({ ...tiny('text-cnn'), maxSteps: 1, app: 'text_match', train: path, output });
    const task = JSON.parse(readFileSync(join(output, 'easynlp.json'), 'utf8')).task;
    expect(task).toMatchObject({ firstSequence: first, secondSequence: second });
  });

  it('asks for the second text where no column looks like one', async () => {
    const path = writeTsv(at('single.tsv'), [
      { text: '好', label: '1' },
      { text: '坏', label: '0' },
    ]);
    const run = train({ ...tiny('bert'), app: 'text_match', train: path, output: at('no') });
    await expect(run).rejects.toMatchObject({ code: 'DATA_COLUMN_UNKNOWN' });
    await expect(run).rejects.toThrow(/"text", "label"/);
  });

  it('answers a batch as it answers each pair, whatever it is', async () => {
    const pairs: [string, string][] = [
      ['花呗怎么还款', '请问花呗怎么还款'],
      ['', ''],
      ['花呗', ''],
      ['很长的问题'.repeat(200), '短'],
      ['😀👩‍👩‍👧‍👦𠮷', '\u0000\u0007\u200b\ufeff'],
      ['a\tb\nc', 'A B C'],
    ];
    const together = await match(pairs);
    for (const [i, pair] of pairs.entries()) {
      const [alone] = await match([pair]);
      expect(alone!.label).toBe(together[i]!.label);
      expect(alone!.probability).toBeCloseTo(together[i]!.probability, 5);
    }
    const object = await match({ sentence1: '花呗怎么还款', sentence2: '请问花呗怎么还款' });
    expect(object.probability).toBeCloseTo(together[0]!.probability, 5);
    await expect(match('one text' as never)).rejects.toMatchObject({ code: 'APP_INPUT' });
    await expect(match([['a', 'b', 'c'] as never])).rejects.toMatchObject({ code: 'APP_INPUT' });
  });

  it('writes files of predictions', async () => {
    const output = at('predictions.tsv');
    await predict({
      model,
      input: [data],
      output,
      outputSchema: ['predictions', 'logits'],
      appendCols: ['label'],
    });
    const lines = readFileSync(output, 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(48);
    for (const line of lines) expect(line).toMatch(/^[01]\t-?[\d.e-]+,-?[\d.e-]+\t[01]$/);
  });

  it('names the place of a wrong label before anything is written', async () => {
    const path = at('wrong.tsv');
    writeFileSync(path, 'sentence1\tsentence2\tlabel\na\tb\t0\nc\td\t2\n');
    const run = train({
      ...tiny('bert'),
      app: 'text_match',
      labels: ['0', '1'],
      train: path,
      output: at('never'),
    });
    await expect(run).rejects.toThrow(/wrong\.tsv, line 3, column "label": the label "2"/);
  });
});
