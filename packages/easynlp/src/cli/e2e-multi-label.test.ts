import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { workFolder, writeTsv } from '../predictor/models.fixture.js';
import { FakeIo } from './fake-io.fixture.js';
import type { Library } from './library.js';
import { main } from './main.js';

/** Multi-label classification through both command lines, with the real toolkit behind them. */
const folder = workFolder('cli-multi-label');
const at = (name: string) => join(folder, name);

async function easynlp(argv: readonly string[]) {
  const io = new FakeIo();
  io.library = async () => (await import('../index.js')) as unknown as Library;
  const code = await main(argv, io);
  return { code, out: io.out, err: io.err };
}
async function succeeds(argv: readonly string[]): Promise<string> {
  const { code, out, err } = await easynlp(argv);
  expect(code, err).toBe(0);
  return out;
}
const task = (model: string) => JSON.parse(readFileSync(join(model, 'easynlp.json'), 'utf8')).task;

const SIGNS = { 外观: '很漂亮', 声音: '噪音大', 物流: '送货快' };
const rows = Array.from({ length: 48 }, (_, i) => {
  const labels = Object.keys(SIGNS).filter((_, l) => (i >> l) & 1) as (keyof typeof SIGNS)[];
  return { content_seq: `第${i % 5}台${labels.map((l) => SIGNS[l]).join('')}`, label: labels.join(',') };
});
const MACHINE = ['--device', 'cpu', '--num-threads', '1'];

beforeAll(() => {
  writeTsv(at('rows.tsv'), rows);
  writeTsv(at('rows.csv'), rows, { header: false });
});

describe('text_classify --multi-label', () => {
  const model = at('model');
  beforeAll(async () => {
    const rest = `--first-sequence content_seq --dev ${at('rows.tsv')} --architecture text-cnn --embedding-size 16 --conv-dim 8
      --linear-hidden-size 16 --sequence-length 24 --batch-size 8 --learning-rate 1e-2 --max-steps 120 --epochs 50`;
    await succeeds([
      ...`train text_classify --multi-label --train ${at('rows.tsv')} --output ${model} ${rest}`.split(/\s+/),
      '--positive-weights',
      'balanced',
      '--label-thresholds',
      '物流=0.6',
      ...MACHINE,
    ]);
  });

  it('trains, evaluates and predicts', async () => {
    expect(task(model)).toMatchObject({ app: 'text_classify_multi_label', labels: ['声音', '外观', '物流'] });
    expect(task(model).thresholds[2]).toBe(0.6);
    const report = await succeeds(['evaluate', '--model', model, '--data', at('rows.tsv'), ...MACHINE]);
    expect(report).toMatch(/48 rows[\s\S]*micro_f1[\s\S]*hamming_loss[\s\S]*threshold +precision/);
    const out = await succeeds([
      ...['predict', '--model', model, '--text', '第1台噪音大送货快', '--text', '第2台', ...MACHINE],
    ]);
    expect(out).toMatch(/^(声音|物流) 0\.\d{4} {2}(声音|物流) 0\.\d{4} +第1台噪音大送货快\n– +第2台\n$/);
  });

  it('another threshold needs the name of the task', async () => {
    const flags = ['--model', model, '--text', '第2台', '--threshold', '0.000001', ...MACHINE];
    expect(await succeeds(['predict', 'text_classify', '--multi-label', ...flags])).toMatch(
      /声音.*外观|外观.*声音/,
    );
    const { code, err } = await easynlp(['predict', ...flags]);
    expect([code, err]).toEqual([2, expect.stringContaining('--threshold')]);
  });

  it('an unknown label is told with its place before anything is written', async () => {
    const bad = writeTsv(at('bad.tsv'), [...rows.slice(0, 2), { content_seq: 'x', label: '外观,气味' }]);
    const { code, err } = await easynlp([
      ...`train text_classify --multi-label --train ${bad} --output ${at('no')} --architecture text-cnn`.split(
        ' ',
      ),
      ...['--first-sequence', 'content_seq', '--labels', '外观,声音', ...MACHINE],
    ]);
    expect(code).toBe(3);
    expect(err).toMatch(/bad\.tsv, line 4, column "label": the label "气味" is not one of the known labels/);
  });
});

// appzoo_tutorials/sequence_classification_multilabel/run_train_eval_predict_appzoo_local.sh; paths, model, steps differ.
it("EasyNLP's multi_label=True trains, evaluates and predicts", async () => {
  const model = at('easynlp');
  const run = (mode: string, parameters: string, extra: readonly string[] = []) => [
    `--mode=${mode}`,
    '--worker_gpu=0',
    `--tables=${at('rows.csv')}${mode === 'train' ? `,${at('rows.csv')}` : ''}`,
    '--input_schema=content_seq:str:1,label:str:1',
    '--first_sequence=content_seq',
    ...(mode === 'predict' ? [] : ['--label_name=label']),
    `--checkpoint_dir=${model}`,
    '--sequence_length=32',
    '--micro_batch_size=8',
    '--app_name=text_classify',
    `--user_defined_parameters=multi_label=True ${parameters}`,
    ...extra,
  ];
  const labels = ['--label_enumerate_values=外观,声音,物流', '--learning_rate=1e-2', '--epoch_num=10'];
  const small = 'architecture=text-cnn embed_size=16 conv_dim=8 linear_hidden_size=16 num_threads=1';
  const { code, err } = await easynlp(run('train', `${small} thresholds=global`, labels));
  expect(code, err).toBe(0);
  expect(err).not.toMatch(/without effect/);
  expect(task(model)).toMatchObject({ labels: ['外观', '声音', '物流'], tuning: 'global' });
  expect(await succeeds(run('evaluate', ''))).toMatch(/48 rows[\s\S]*macro_f1/);
  const out = at('pred.csv');
  await succeeds(
    run('predict', '', [
      `--outputs=${out}`,
      '--output_schema=predictions,probabilities,logits,output',
      '--append_cols=label',
    ]),
  );
  const lines = readFileSync(out, 'utf8').trimEnd().split('\n');
  expect(lines).toHaveLength(48);
  const right = lines.filter((line) => {
    const [predicted = '', , , , gold = ''] = line.split('\t');
    return predicted.split(',').sort().join() === gold.split(',').sort().join();
  });
  expect(right.length).toBeGreaterThan(40);
});
