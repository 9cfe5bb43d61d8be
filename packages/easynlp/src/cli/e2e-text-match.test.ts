import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { questionPairs, reviews, workFolder, writeTsv } from '../predictor/models.fixture.js';
import { FakeIo } from './fake-io.fixture.js';
import type { Library } from './library.js';
import { main } from './main.js';

/** Text matching through both command lines, with the real toolkit behind them. */
const folder = workFolder('cli-text-match');
const at = (name: string) => join(folder, name);
const lines = (path: string) => readFileSync(path, 'utf8').trimEnd().split('\n');

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

const SIZE =
  '--architecture bert --layers 1 --hidden-size 16 --heads 2 --sequence-length 24 --batch-size 8 --learning-rate 2e-3';
const MACHINE = ['--device', 'cpu', '--num-threads', '1'];
const train = (rest: string) => [
  'train',
  'text_match',
  ...`--train ${at('pairs.tsv')} ${SIZE} ${rest}`.split(' '),
  ...MACHINE,
];
const task = (model: string) => JSON.parse(readFileSync(join(model, 'easynlp.json'), 'utf8')).task;

beforeAll(() => {
  writeTsv(at('pairs.tsv'), questionPairs(48));
});

describe('the native commands', () => {
  it('one tower: train, evaluate, predict', async () => {
    const model = at('one');
    await succeeds(train(`--dev ${at('pairs.tsv')} --max-steps 10 --output ${model}`));
    expect(task(model)).toMatchObject({ app: 'text_match', labels: ['0', '1'] });
    expect(await succeeds(['evaluate', '--model', model, '--data', at('pairs.tsv'), ...MACHINE])).toMatch(
      /48 rows[\s\S]*accuracy/,
    );
    expect(
      await succeeds(['predict', '--model', model, '--text', '花呗', '--second-text', '借呗', ...MACHINE]),
    ).toMatch(/^[01] +0\.\d{4} +花呗 \| 借呗/);
  });

  it('regression is said with a switch', async () => {
    const model = at('regression');
    await succeeds(train(`--regression --max-steps 3 --output ${model}`));
    expect(task(model)).toMatchObject({ app: 'text_match_regression', scoreRange: [0, 1] });
    const out = await succeeds([
      'predict',
      '--model',
      model,
      '--text',
      '花呗',
      '--second-text',
      '借呗',
      ...MACHINE,
    ]);
    expect(out).toMatch(/^-?\d\.\d{4} +花呗 \| 借呗/);
    const both = await easynlp(train(`--regression --two-tower --output ${at('no')}`));
    expect([both.code, both.err]).toEqual([2, expect.stringContaining('exclude each other')]);
  });

  describe('two towers', () => {
    const model = at('towers');
    beforeAll(async () => {
      await succeeds(
        train(
          `--two-tower --loss infonce --temperature 0.1 --dev ${at('pairs.tsv')} --max-steps 40 --output ${model}`,
        ),
      );
    });

    it('are said with a switch and have options of their own', async () => {
      expect(task(model)).toMatchObject({
        app: 'text_match_two_tower',
        loss: { name: 'infonce', temperature: 0.1 },
      });
      const wrong = await easynlp(train(`--two-tower --loss circle --temperature 0.1 --output ${at('no')}`));
      expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('loss circle has no temperature')]);
      const idle = await easynlp(train(`--loss circle --output ${at('no')}`));
      expect([idle.code, idle.err]).toEqual([2, expect.stringContaining('--loss')]);
    });

    it('predict similarities of pairs and vectors of texts', async () => {
      const pair = ['--text', '花呗怎么还款', '--second-text', '请问花呗怎么还款'];
      expect(await succeeds(['predict', '--model', model, ...pair, ...MACHINE])).toMatch(/^-?[01]\.\d{4} /);
      const json = await succeeds(['predict', '--model', model, '--text', '花呗', '--json', ...MACHINE]);
      expect(JSON.parse(json)[0].vector).toHaveLength(16);
      const out = await succeeds(
        ['predict', '--model', model, '--input', '-', ...MACHINE],
        '花呗\t借呗\n花呗怎么还款\n',
      );
      expect(out).toMatch(/^-?[01]\.\d{4}\t花呗 \| 借呗\n\{"vector":\[/);
    });

    it('search a file', async () => {
      const corpus = at('faq.txt');
      const texts = [...new Set(questionPairs(40).map(({ sentence2 }) => sentence2))];
      writeFileSync(corpus, `${texts.join('\n')}\n\n`);
      const flags = ['search', '--model', model, '--corpus', corpus, ...MACHINE];
      const found = JSON.parse(
        await succeeds([...flags, '--text', texts[3]!, '--text', '逗号, 不断', '--top-k', '3', '--json']),
      );
      expect(found.documents).toBe(texts.length);
      expect(found.results.map((r: { query: string }) => r.query)).toEqual([texts[3], '逗号, 不断']);
      expect(found.results[0].hits).toHaveLength(3);
      expect(found.results[0].hits[0]).toMatchObject({
        text: texts[3],
        line: 4,
        score: expect.closeTo(1, 5),
      });
      expect(await succeeds([...flags, '--text', texts[0]!])).toMatch(
        new RegExp(`^${texts[0]}\n +1\\.0000 +line 1 +${texts[0]}\n`),
      );
      const queries = writeTsv(at('queries.tsv'), [{ id: '1', text: texts[5]! }]);
      const output = at('found.tsv');
      await succeeds([...flags, '--queries', queries, '--output', output, '--top-k', '2']);
      expect(lines(output)).toHaveLength(3);
      expect(lines(output)[1]).toBe(`${texts[5]}\t1\t1.000000\t6\t${texts[5]}`);
      for (const [rest, message] of [
        [[], /no query/],
        [['--text', 'a', '--queries', queries], /exclude each other/],
        [['--text', 'a', '--top-k', '0'], /top-k|topK/],
      ] as const) {
        const { code, err } = await easynlp([...flags, ...rest]);
        expect(err).toMatch(message);
        expect(code).toBe(2);
      }
      const other = await easynlp([
        'search',
        '--model',
        at('one'),
        '--corpus',
        corpus,
        '--text',
        'a',
        ...MACHINE,
      ]);
      expect([other.code, other.err]).toEqual([2, expect.stringContaining('was trained for text_match')]);
    });
  });
});

describe("EasyNLP's command lines", () => {
  const schema = 'example_id:str:1,sent1:str:1,sent2:str:1,label:str:1,cate:str:1,score:str:1';
  const run = (mode: string, model: string, parameters: string, extra: readonly string[] = []) => [
    `--mode=${mode}`,
    '--worker_gpu=0',
    `--input_schema=${schema}`,
    '--first_sequence=sent1',
    '--second_sequence=sent2',
    '--label_name=label',
    '--label_enumerate_values=0,1',
    `--checkpoint_dir=${model}`,
    '--sequence_length=24',
    '--micro_batch_size=8',
    '--app_name=text_match',
    `--user_defined_parameters=${parameters}`,
    ...extra,
  ];
  const small = 'architecture=bert layers=1 hidden_size=16 heads=2 num_threads=1';
  let data = '';
  beforeAll(() => {
    data = writeTsv(
      at('easynlp.csv'),
      questionPairs(32).map(({ label, sentence1, sentence2 }, i) => ({
        id: String(i),
        sentence1,
        sentence2,
        label,
        cate: 'x',
        score: '1',
      })),
      { header: false },
    );
  });

  // text_match/single_tower/run_train_eval_predict_appzoo_cli_local.sh; paths, model and steps differ.
  it('single tower, with parameters that EasyNLP ignores as well', async () => {
    const model = at('single_tower');
    const { code, err } = await easynlp(
      run('train', model, `${small} loss_type=hinge_loss margin=0.45 gamma=32`, [`--tables=${data},${data}`]),
    );
    expect(code, err).toBe(0);
    expect(err).toMatch(/without effect here: loss_type, margin, gamma/);
    expect(task(model).app).toBe('text_match');
    const output = at('single.pred.csv');
    await succeeds(
      run('predict', model, '', [
        `--tables=${data}`,
        `--outputs=${output}`,
        '--output_schema=predictions,probabilities,logits,output',
        '--append_cols=label',
      ]),
    );
    expect(lines(output)).toHaveLength(32);
  });

  // text_match/two_tower/run_train_eval_predict_appzoo_cli_local.sh, all three modes.
  it('two tower: margin and loss are used, and so are the second text and the label', async () => {
    const model = at('two_tower');
    const parameters = 'two_tower=True loss_type=hinge_loss margin=0.45 gamma=32';
    const { code, err } = await easynlp(
      run('train', model, `${parameters} ${small} embedding_size=8`, [`--tables=${data},${data}`]),
    );
    expect(code, err).toBe(0);
    expect(err).toMatch(/without effect here: gamma\n/);
    expect(task(model)).toMatchObject({
      app: 'text_match_two_tower',
      loss: { name: 'hinge', margin: 0.45 },
      siamese: false,
      vectorSize: 8,
      secondSequence: 'sent2',
    });
    expect(await succeeds(run('evaluate', model, parameters, [`--tables=${data}`]))).toMatch(
      /32 rows[\s\S]*spearman/,
    );
    const output = at('two.pred.csv');
    await succeeds(
      run('predict', model, parameters, [
        `--tables=${data}`,
        `--outputs=${output}`,
        '--output_schema=predictions,emb_output',
      ]),
    );
    expect(lines(output)[0]!.split('\t')[1]!.split(',')).toHaveLength(8);
  });

  it('margin=-1 is the default of the loss; circle loss exists', async () => {
    const model = at('circle');
    const parameters = `two_tower=True loss_type=circle_loss margin=-1 gamma=64 ${small} max_steps=2`;
    await succeeds(run('train', model, parameters, [`--tables=${data}`]));
    expect(task(model).loss).toEqual({ name: 'circle', margin: 0.45, gamma: 64 });
  });

  it('siamese reads single texts with classes', async () => {
    const model = at('siamese');
    const texts = writeTsv(
      at('siamese.csv'),
      reviews(24).map(({ text, label }) => ({ text, label })),
      { header: false },
    );
    const { code, err } = await easynlp([
      '--mode=train',
      '--worker_gpu=0',
      `--tables=${texts}`,
      '--input_schema=text:str:1,label:str:1',
      '--first_sequence=text',
      '--label_name=label',
      '--label_enumerate_values=好评,差评',
      `--checkpoint_dir=${model}`,
      '--sequence_length=24',
      '--app_name=text_match',
      `--user_defined_parameters=two_tower=True siamese=True ${small} max_steps=2 pooling=first`,
    ]);
    expect(code, err).toBe(0);
    expect(task(model)).toMatchObject({ siamese: true, pooling: 'first', labels: ['好评', '差评'] });
  });

  it('two_tower=False is one tower; an unknown loss is told', async () => {
    const model = at('false');
    await succeeds(run('train', model, `two_tower=False ${small} max_steps=1`, [`--tables=${data}`]));
    expect(task(model).app).toBe('text_match');
    const wrong = await easynlp(
      run('train', at('no'), `two_tower=True loss_type=circel_loss ${small}`, [`--tables=${data}`]),
    );
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('circle_loss')]);
  });
});
