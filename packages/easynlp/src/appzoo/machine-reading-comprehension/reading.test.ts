import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { evaluate } from '../../predictor/evaluate.js';
import { workFolder, writeTsv } from '../../predictor/models.fixture.js';
import { pipeline } from '../../predictor/pipeline.js';
import { predict } from '../../predictor/predict.js';
import { train } from '../../trainer/train.js';
import { fixtureQuestions, squadDocument } from './questions.fixture.js';

const folder = workFolder('reading');
const at = (name: string) => join(folder, name);
const app = 'machine_reading_comprehension' as const;
const MACHINE = { device: 'cpu', numThreads: 1 } as const;
const MODEL = {
  architecture: 'bert',
  layers: 2,
  hiddenSize: 48,
  heads: 4,
  intermediateSize: 96,
  initializerRange: 0.1,
  dropout: 0,
} as const;

const questions = fixtureQuestions(60);
const open = fixtureQuestions(80, { unanswerable: true });

beforeAll(async () => {
  writeFileSync(at('train.json'), squadDocument(questions));
  writeTsv(at('train.tsv'), questions as unknown as Record<string, string>[]);
  writeFileSync(at('open.json'), squadDocument(open));
  await train({
    ...MODEL,
    ...MACHINE,
    app,
    train: at('train.json'),
    dev: at('train.json'),
    output: at('model'),
    sequenceLength: 16,
    docStride: 6,
    batchSize: 16,
    learningRate: 5e-3,
    epochs: 14,
    evalStrategy: 'none',
    seed: 7,
  });
}, 60_000);

describe('machine_reading_comprehension', () => {
  it('learns to answer, and is evaluated and predicted from JSON and from a table alike', async () => {
    const task = JSON.parse(readFileSync(at('model/easynlp.json'), 'utf8')).task;
    expect(task).toMatchObject({
      app,
      language: 'zh',
      unanswerable: false,
      maxAnswerLength: 100,
      idName: 'qas_id',
    });
    const fromJson = await evaluate({ ...MACHINE, model: at('model'), data: at('train.json') });
    const fromTable = await evaluate({ ...MACHINE, model: at('model'), data: at('train.tsv') });
    expect(fromJson.rows).toBe(60);
    expect(fromJson.metrics.f1).toBeGreaterThan(0.95);
    expect(fromTable.metrics).toEqual(fromJson.metrics);
    expect(fromJson.metrics.average).toBeCloseTo((fromJson.metrics.em! + fromJson.metrics.f1!) / 2, 10);
  });

  it('answers through a pipeline, whatever else is asked with it', async () => {
    const read = await pipeline(app, at('model'), MACHINE);
    const inputs = questions
      .slice(0, 12)
      .map((q) => ({ question: q.question_text, context: q.context_text }));
    const many = await read(inputs);
    for (const [i, { context }] of inputs.entries()) {
      const one = await read(inputs[i]!);
      expect(many[i]!.answer).toBe(one.answer);
      expect(many[i]!.probability).toBeCloseTo(one.probability, 4);
      expect(context.slice(one.start!, one.end!)).toBe(one.answer);
      for (const { text, start, end } of one.candidates) expect(context.slice(start, end)).toBe(text);
    }
    const right = many.filter(({ answer }, i) => answer === questions[i]!.answer_text);
    expect(right.length).toBeGreaterThanOrEqual(11);
    const [pair] = await read([[questions[1]!.question_text, questions[1]!.context_text]]);
    expect(pair!.answer).toBe(many[1]!.answer);
    read.dispose();
  });

  it('has an answer, or none, for texts of all kinds', async () => {
    const read = await pipeline(app, at('model'), MACHINE);
    const contexts = ['', ' ', '😀', '𠮷野家𠀀', '\u0000\u0007', `${'很'.repeat(3000)}人青山。`, 'a\tb\nc'];
    const results = await read(contexts.map((context) => ({ question: '谁？', context })));
    expect(results).toHaveLength(contexts.length);
    for (const [i, { answer, start, end }] of results.entries()) {
      if (answer !== null) expect(contexts[i]!.slice(start!, end!)).toBe(answer);
    }
    expect(results[0]).toMatchObject({ answer: null, start: null, end: null, candidates: [] });
    expect((await read({ question: '', context: '人青山。' })).answer).not.toBeNull();
    await expect(read('谁？' as never)).rejects.toMatchObject({ code: 'APP_INPUT' });
    await expect(read({ question: '谁？' } as never)).rejects.toThrow(
      /question and context.*object with question/,
    );
    read.dispose();
  });

  it('writes a line for every row, and the answers by identifier', async () => {
    const { rows } = await predict({
      ...MACHINE,
      app,
      model: at('model'),
      input: [at('train.tsv')],
      output: at('out.tsv'),
      outputSchema: ['unique_id', 'best_answer', 'gold_answer', 'query', 'context', 'start', 'end'],
      batchSize: 7,
      outputAnswerFile: at('answers.json'),
    });
    expect(rows).toBe(60);
    const lines = readFileSync(at('out.tsv'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((l) => l.split('\t'));
    expect(lines).toHaveLength(60);
    for (const [i, [id, best, gold, query, context, start, end]] of lines.entries()) {
      expect([id, gold, query, context]).toEqual([
        questions[i]!.qas_id,
        questions[i]!.answer_text,
        questions[i]!.question_text,
        questions[i]!.context_text,
      ]);
      expect(context!.slice(Number(start), Number(end))).toBe(best);
    }
    const answers = JSON.parse(readFileSync(at('answers.json'), 'utf8'));
    expect(Object.keys(answers)).toHaveLength(60);
    expect(answers.q3).toBe(lines[3]![1]);
  });

  it('does not write the answers over the data', async () => {
    const options = { ...MACHINE, app, model: at('model'), input: [at('train.tsv')], output: at('o.tsv') };
    await expect(predict({ ...options, outputAnswerFile: at('train.tsv') })).rejects.toMatchObject({
      code: 'CONFIG_CONFLICT',
    });
  });

  it('learns which questions have no answer; the threshold is tuned on dev and kept', async () => {
    await train({
      ...MODEL,
      ...MACHINE,
      app,
      train: at('open.json'),
      dev: at('open.json'),
      output: at('open'),
      sequenceLength: 24,
      batchSize: 16,
      learningRate: 5e-3,
      epochs: 12,
      evalStrategy: 'steps',
      evalSteps: 60,
      seed: 7,
    });
    const { task, metrics } = JSON.parse(readFileSync(at('open/easynlp.json'), 'utf8'));
    expect(task).toMatchObject({ unanswerable: true, unanswerableThreshold: metrics.no_answer_threshold });
    const found = await evaluate({ ...MACHINE, model: at('open'), data: at('open.json') });
    expect(found.metrics.f1).toBeCloseTo(metrics.f1, 6);
    expect(found.metrics.f1).toBeGreaterThan(0.9);
    const never = await evaluate({
      ...MACHINE,
      app,
      model: at('open'),
      data: at('open.json'),
      unanswerableThreshold: 1e9,
    });
    expect(never.metrics.no_answer_accuracy).toBe(0);
    const read = await pipeline(app, at('open'), { ...MACHINE, options: { unanswerableThreshold: -1e9 } });
    const result = await read({ question: '谁？', context: '人青山。' });
    expect(result).toMatchObject({ answer: null, start: null });
    expect(result.candidates.length).toBeGreaterThan(0);
    read.dispose();
  }, 60_000);

  it('names the place of an answer that is not in its text', async () => {
    const wrong = questions.map((q, i) => (i === 5 ? { ...q, answer_text: '没有' } : q));
    const path = writeTsv(at('wrong.tsv'), wrong as unknown as Record<string, string>[]);
    const options = { ...MODEL, ...MACHINE, app, train: path, output: at('never') };
    await expect(train(options)).rejects.toMatchObject({
      code: 'DATA_CELL',
      message: expect.stringMatching(
        /wrong\.tsv, line 7, column "answer_text": "没有" is not a part of the text/,
      ),
    });
    const places = questions.map((q, i) => (i === 2 ? { ...q, start_position_character: '3.5' } : q));
    writeTsv(path, places as unknown as Record<string, string>[]);
    await expect(train(options)).rejects.toThrow(/line 4, column "start_position_character"/);
  });
});
