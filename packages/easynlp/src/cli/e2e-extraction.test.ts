import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  eventQuestions,
  matches,
  sentences,
  writeCluener,
} from '../appzoo/information-extraction/people.fixture.js';
import { workFolder } from '../predictor/models.fixture.js';
import { FakeIo } from './fake-io.fixture.js';
import type { Library } from './library.js';
import { main } from './main.js';

/** Information extraction through both command lines, with the real toolkit behind them. */
const folder = workFolder('cli-extraction');
const at = (name: string) => join(folder, name);
const lines = (name: string) => readFileSync(at(name), 'utf8').trimEnd().split('\n');

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

const MACHINE = ['--device', 'cpu', '--num-threads', '1'];

describe('the native commands', () => {
  const model = at('types');
  beforeAll(async () => {
    writeCluener(at('train.json'), sentences(60));
    await succeeds([
      ...`train information_extraction --mode types --train ${at('train.json')} --dev ${at('train.json')}`.split(
        ' ',
      ),
      ...`--output ${model} --architecture bert --layers 2 --hidden-size 32 --heads 2 --initializer-range 0.1`.split(
        ' ',
      ),
      ...'--dropout 0 --sequence-length 32 --batch-size 16 --learning-rate 5e-3 --epochs 24'.split(' '),
      ...['--eval-strategy', 'none', ...MACHINE],
    ]);
  });

  it('train on CLUENER’s JSON and evaluate', async () => {
    const out = await succeeds(['evaluate', '--model', model, '--data', at('train.json'), ...MACHINE]);
    expect(out).toMatch(/60 rows[\s\S]*micro_f1[\s\S]*macro_f1/);
    expect(out).toMatch(/micro average/);
  });

  it('print what single texts hold, and lines of the standard input', async () => {
    const { text, entities } = sentences(60)[7]!;
    const out = await succeeds(['predict', '--model', model, '--text', text, ...MACHINE]);
    expect(out).toContain(`人物 ${text.slice(entities[0]!.start, entities[0]!.end)} ${entities[0]!.start}–`);
    const json = JSON.parse(
      await succeeds(['predict', '--model', model, '--text', text, '--json', ...MACHINE]),
    );
    for (const entity of json[0].entities) expect(text.slice(entity.start, entity.end)).toBe(entity.text);
    const piped = await succeeds(
      ['predict', '--model', model, '--input', '-', ...MACHINE],
      `${text}\n\n天气好\n`,
    );
    expect(piped.trimEnd().split('\n')).toHaveLength(3);
  });

  it('write files', async () => {
    writeFileSync(at('in.tsv'), `n\ttext\n1\t李雷去了北京\n2\t\n3\t韩梅梅休息\n`);
    const flags = `predict --model ${model} --input ${at('in.tsv')} --append-cols n`.split(' ');
    await succeeds([...flags, '--output', at('out.tsv'), ...MACHINE]);
    expect(lines('out.tsv').map((line) => line.split('\t')[1])).toEqual(['1', '2', '3']);
    const named = ['predict', 'information_extraction', ...flags.slice(1)];
    await succeeds([...named, '--output', at('out.jsonl'), '--threshold', '0.4', ...MACHINE]);
    expect(lines('out.jsonl').map((line) => JSON.parse(line).n)).toEqual(['1', '2', '3']);
  });

  it('mistakes of the scheme are told', async () => {
    const { code, err } = await easynlp([
      ...`predict information_extraction --model ${model} --input ${at('in.tsv')} --output ${at('x.tsv')}`.split(
        ' ',
      ),
      ...['--scheme', '动物', ...MACHINE],
    ]);
    expect([code, err]).toEqual([2, expect.stringContaining('trained with mode types')]);
  });
});

// information_extraction/run_train_eval_predict_appzoo_cli_local.sh; paths, model and steps differ.
describe('EasyNLP’s command line', () => {
  const model = at('easynlp');
  const run = (mode: string, schema: string, parameters: string, extra: readonly string[]) => [
    `--mode=${mode}`,
    '--worker_gpu=0',
    '--app_name=information_extraction',
    `--input_schema=${schema}`,
    `--checkpoint_dir=${model}`,
    '--sequence_length=64',
    '--micro_batch_size=16',
    `--user_defined_parameters=${parameters}`,
    ...extra,
  ];
  const TRAIN = 'id:str:1,instruction:str:1,start:str:1,end:str:1,target:str:1';
  const PREDICT = 'id:str:1,scheme:str:1,content:str:1';
  const rows = matches(24);

  beforeAll(async () => {
    writeFileSync(
      at('train.tsv'),
      `${eventQuestions(rows)
        .map((row) => row.join('\t'))
        .join('\n')}\n`,
    );
    await succeeds(
      run(
        'train',
        TRAIN,
        'architecture=bert layers=2 hidden_size=32 heads=2 initializer_range=0.1 dropout=0 num_threads=1 eval_strategy=none',
        [`--tables=${at('train.tsv')},${at('train.tsv')}`, '--learning_rate=5e-3', '--epoch_num=12'],
      ),
    );
  });

  it('evaluates questions', async () => {
    const out = await succeeds(run('evaluate', TRAIN, '', [`--tables=${at('train.tsv')}`]));
    expect(out).toMatch(/96 rows[\s\S]*micro_f1/);
  });

  it.each([
    ['NER', '比赛;会议'],
    ['EE', '比赛:胜者,败者;会议:地点'],
  ])('predicts %s, every row of every batch', async (task, scheme) => {
    const texts = [...rows.slice(0, 18).map(({ text }) => text), '没有比赛'];
    writeFileSync(at('predict.tsv'), `${texts.map((text, i) => `${i}\t${scheme}\t${text}`).join('\n')}\n`);
    const output = `${task}.tsv`;
    await succeeds(
      run('predict', PREDICT, `task=${task}`, [
        `--tables=${at('predict.tsv')}`,
        `--outputs=${at(output)}`,
        '--output_schema=id,content,q_and_a',
      ]),
    );
    const cells = lines(output).map((line) => line.split('\t'));
    expect(cells.map(([id, content]) => [id, content])).toEqual(texts.map((text, i) => [String(i), text]));
    let answers = 0;
    for (const [i, [, , cell]] of cells.entries()) {
      for (const [question, answer, probability, start, end] of JSON.parse(cell!)) {
        expect(question).toMatch(task === 'NER' ? /^(比赛|会议)$/ : /^(比赛|会议)\(.+\)-(胜者|败者|地点)$/);
        expect(texts[i]!.slice(start, end)).toBe(answer);
        expect(probability).toBeGreaterThan(0.5);
        answers++;
      }
    }
    expect(answers).toBeGreaterThan(10);
  });

  it('wrong positions are told with file, line and column', async () => {
    const [first] = eventQuestions(rows);
    writeFileSync(at('wrong.tsv'), `${[first![0], first![1], '[500]', '[502]', ''].join('\t')}\n`);
    const { code, err } = await easynlp(
      run('train', TRAIN, 'architecture=bert layers=1 hidden_size=16 heads=2', [
        `--tables=${at('wrong.tsv')}`,
      ]).map((arg) => arg.replace(model, at('no'))),
    );
    expect(code).toBe(3);
    expect(err).toMatch(/wrong\.tsv, line 1, column "end".*at most/s);
  });
});
