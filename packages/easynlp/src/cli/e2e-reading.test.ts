import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  fixtureQuestions,
  squadDocument,
} from '../appzoo/machine-reading-comprehension/questions.fixture.js';
import { workFolder, writeTsv } from '../predictor/models.fixture.js';
import { FakeIo } from './fake-io.fixture.js';
import type { Library } from './library.js';
import { main } from './main.js';

/** Reading comprehension and vectors through both command lines, with the real toolkit behind them. */
const folder = workFolder('cli-reading');
const at = (name: string) => join(folder, name);

async function easynlp(argv: readonly string[], input = '') {
  const io = new FakeIo();
  io.input = input;
  io.library = async () => (await import('../index.js')) as unknown as Library;
  const code = await main(argv, io);
  return { code, out: io.out, err: io.err };
}
async function succeeds(argv: readonly string[], input = ''): Promise<string> {
  const { code, out, err } = await easynlp(argv, input);
  expect(code, err).toBe(0);
  return out;
}
const lines = (name: string) => readFileSync(at(name), 'utf8').trimEnd().split('\n');

const questions = fixtureQuestions(60);
const MACHINE = ['--device', 'cpu', '--num-threads', '1'];
const SIZES = 'layers=2 hidden_size=48 heads=4 intermediate_size=96 initializer_range=0.1 dropout=0';
/** Columns as EasyNLP's scripts have them. */
const SCHEMA =
  'qas_id:str:1,context_text:str:1,question_text:str:1,answer_text:str:1,start_position_character:str:1,title:str:1';
const asEasynlp = (question: (typeof questions)[number]) =>
  Object.fromEntries(
    SCHEMA.split(',')
      .map((item) => item.split(':')[0]!)
      .map((name) => [name, question[name as 'title']]),
  );

beforeAll(() => {
  writeFileSync(at('train.json'), squadDocument(questions));
  writeTsv(at('train.csv'), questions.map(asEasynlp), { header: false });
});

describe('machine_reading_comprehension', () => {
  beforeAll(async () => {
    await succeeds([
      ...`train machine_reading_comprehension --train ${at('train.json')} --dev ${at('train.json')} --output ${at('model')}`.split(
        ' ',
      ),
      ...`--architecture bert --layers 2 --hidden-size 48 --heads 4 --intermediate-size 96 --initializer-range 0.1`.split(
        ' ',
      ),
      ...`--dropout 0 --sequence-length 24 --batch-size 16 --learning-rate 5e-3 --epochs 14 --eval-strategy none`.split(
        ' ',
      ),
      ...['--seed', '7', ...MACHINE],
    ]);
  }, 60_000);

  it('evaluates, and predicts files and single questions', async () => {
    const report = await succeeds([
      'evaluate',
      '--model',
      at('model'),
      '--data',
      at('train.json'),
      ...MACHINE,
    ]);
    expect(report).toMatch(/60 rows[\s\S]*f1[\s\S]*em[\s\S]*average/);
    const [q] = questions;
    const command = ['predict', '--model', at('model'), ...MACHINE];
    const out = await succeeds([...command, '--text', q!.question_text, '--second-text', q!.context_text]);
    expect(out).toMatch(new RegExp(`^${q!.answer_text} +0\\.\\d{4} `));
    const json = JSON.parse(
      await succeeds([...command, '--json', '--text', q!.question_text, '--second-text', q!.context_text]),
    );
    expect(json[0]).toMatchObject({ answer: q!.answer_text, candidates: expect.any(Array) });
    const stdin = await succeeds([...command, '--input', '-'], `${q!.question_text}\t${q!.context_text}\n`);
    expect(stdin.split('\t')[0]).toBe(q!.answer_text);
  });

  it('keeps every row, also those of several windows', async () => {
    const far = `${'，'.repeat(60)}人青山。`;
    writeTsv(
      at('far.tsv'),
      questions
        .slice(0, 9)
        .map((q, i) => ({ question: q.question_text, context: i % 2 ? far : q.context_text })),
    );
    await succeeds([
      ...['predict', 'machine_reading_comprehension', '--model', at('model'), '--input', at('far.tsv')],
      ...[
        '--first-sequence',
        'question',
        '--second-sequence',
        'context',
        '--output',
        at('far.out'),
        '--batch-size',
        '4',
      ],
      ...[
        '--output-schema',
        'predictions,start,n_best',
        '--append-cols',
        'question',
        '--n-best-size',
        '3',
        ...MACHINE,
      ],
    ]);
    const out = lines('far.out').map((line) => line.split('\t'));
    expect(out.map((cells) => cells[3])).toEqual(questions.slice(0, 9).map((q) => q.question_text));
    for (const cells of out) expect(JSON.parse(cells[2]!)).toHaveLength(3);
  });

  it("runs EasyNLP's scripts", async () => {
    const flags = (mode: string, rest: string) => [
      ...[
        `--mode=${mode}`,
        '--app_name=machine_reading_comprehension',
        `--input_schema=${SCHEMA}`,
        '--worker_gpu=0',
      ],
      ...['--first_sequence=question_text', '--second_sequence=context_text', '--sequence_length=24'],
      ...rest.split('|'),
    ];
    const parameters = `language=zh answer_name=answer_text qas_id=qas_id start_position_name=start_position_character doc_stride=128 max_query_length=64 num_threads=1`;
    await succeeds(
      flags(
        'train',
        `--tables=${at('train.csv')},${at('train.csv')}|--checkpoint_dir=${at('theirs')}|--learning_rate=5e-3|--epoch_num=4|--micro_batch_size=16|--user_defined_parameters=architecture=bert ${SIZES} ${parameters}`,
      ),
    );
    const task = JSON.parse(readFileSync(at('theirs/easynlp.json'), 'utf8')).task;
    expect(task).toMatchObject({
      language: 'zh',
      idName: 'qas_id',
      startName: 'start_position_character',
      docStride: 128,
    });
    const evaluated = await succeeds(
      flags(
        'evaluate',
        `--tables=${at('train.csv')}|--checkpoint_dir=${at('theirs')}|--user_defined_parameters=${parameters}`,
      ),
    );
    expect(evaluated).toMatch(/f1/);
    await succeeds(
      flags(
        'predict',
        `--tables=${at('train.csv')}|--outputs=${at('theirs.csv')}|--checkpoint_dir=${at('theirs')}|--micro_batch_size=7|--output_schema=unique_id,best_answer,query,context|--user_defined_parameters=${parameters} max_answer_length=30 n_best_size=10 output_answer_file=${at('answers.json')}`,
      ),
    );
    expect(lines('theirs.csv').map((line) => line.split('\t')[0])).toEqual(questions.map((q) => q.qas_id));
    expect(Object.keys(JSON.parse(readFileSync(at('answers.json'), 'utf8')))).toHaveLength(60);
  }, 60_000);
});

describe('vectorization', () => {
  it('prints vectors, and writes them as the file name says', async () => {
    const command = ['predict', 'vectorization', '--model', 'bert-tiny-zh', ...MACHINE];
    const [row] = JSON.parse(
      await succeeds([...command, '--json', '--text', '好吃', '--vector-size', '4', '--normalize']),
    );
    expect(row.vector).toHaveLength(4);
    expect(Math.hypot(...row.vector)).toBeCloseTo(1, 5);
    await succeeds([
      ...command,
      '--input',
      at('train.json'),
      '--first-sequence',
      'question_text',
      '--output',
      at('q.npy'),
    ]);
    expect(readFileSync(at('q.npy')).toString('latin1', 10, 90)).toContain("'shape': (60, ");
    const { err, code } = await easynlp([...command, '--text', '好', '--pooling', 'max']);
    expect([code, err]).toEqual([2, expect.stringMatching(/--pooling.*mean, first, pooler, tokens/)]);
  });

  it("runs EasyNLP's script", async () => {
    await succeeds([
      ...[
        '--mode=predict',
        '--app_name=vectorization',
        `--tables=${at('train.csv')}`,
        `--input_schema=${SCHEMA}`,
      ],
      ...[
        '--first_sequence=question_text',
        `--outputs=${at('theirs.tsv')}`,
        '--append_cols=qas_id',
        '--worker_gpu=0',
      ],
      ...[
        '--output_schema=first_token_output,all_hidden_outputs',
        '--checkpoint_dir=bert-tiny-zh',
        '--sequence_length=16',
      ],
      '--user_defined_parameters=num_threads=1',
    ]);
    const [first] = lines('theirs.tsv').map((line) => line.split('\t'));
    expect(lines('theirs.tsv')).toHaveLength(60);
    expect(first![0]!.split(',').length).toBe(first![1]!.split(';')[0]!.split(',').length);
    expect(first![1]!.split(';')).toHaveLength(2);
    expect(first![2]).toBe('q0');
  });
});
