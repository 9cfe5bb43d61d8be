import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { manualSeed } from '@easynlp/torch';
import { beforeAll, describe, expect, it } from 'vitest';
import { AutoModelForMaskedLM, savePretrained } from '../modelzoo/index.js';
import { questionPairs, reviews, workFolder, writeTsv } from '../predictor/models.fixture.js';
import { buildVocab, Tokenizer } from '../text/index.js';
import { FakeIo } from './fake-io.fixture.js';
import type { Library } from './library.js';
import { main } from './main.js';

/** The command line with the real toolkit behind it. */
const folder = workFolder('cli-e2e');
const at = (name: string) => join(folder, name);
const lines = (path: string) => readFileSync(path, 'utf8').trimEnd().split('\n');

async function easynlp(
  argv: readonly string[],
  input = '',
): Promise<{ code: number; out: string; err: string }> {
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

/** A pretrained model as people download it: configuration, weights and tokenizer, no task. */
async function pretrained(path: string): Promise<string> {
  async function* texts() {
    for (const { text } of reviews(40)) yield text;
    for (const { sentence1, sentence2 } of questionPairs(40)) yield sentence1 + sentence2;
  }
  const tokenizer = Tokenizer.fromVocab(await buildVocab(texts(), { size: 500 }));
  manualSeed(3);
  const model = await AutoModelForMaskedLM.fromConfig({
    model_type: 'bert',
    vocab_size: tokenizer.vocabSize,
    hidden_size: 32,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    intermediate_size: 64,
    max_position_embeddings: 128,
    type_vocab_size: 2,
  });
  mkdirSync(path, { recursive: true });
  await savePretrained(path, model);
  await tokenizer.save(path);
  model.dispose();
  return path;
}

let base = '';
beforeAll(async () => {
  base = await pretrained(at('bert-tiny-uncased'));
});

const NATIVE = ['--device', 'cpu', '--num-threads', '1'];

describe("EasyNLP's command lines", () => {
  /** MRPC-like tables of Appendix A: label, two ids, two sentences, without a header. */
  const mrpc = (name: string, from: number, to: number) =>
    writeTsv(
      at(name),
      questionPairs(to)
        .slice(from)
        .map(({ label, sentence1, sentence2 }, i) => ({
          label,
          sid1: `a${i}`,
          sid2: `b${i}`,
          sentence1,
          sentence2,
        })),
      { header: false },
    );
  const schema = 'label:str:1,sid1:str:1,sid2:str:1,sent1:str:1,sent2:str:1';

  // bert_classify/run_train_eval_predict_appzoo_cli_local.sh; only paths and the number of epochs differ.
  it('bert_classify: train, evaluate and predict give what the native commands give', async () => {
    const train = mrpc('train.csv', 0, 64);
    const dev = mrpc('dev.csv', 64, 91);
    const shared = [`--input_schema=${schema}`, '--first_sequence=sent1', '--second_sequence=sent2'];
    const model = at('classification_model');
    await succeeds([
      '--mode=train',
      '--worker_gpu=0',
      `--tables=${train},${dev}`,
      ...shared,
      '--label_name=label',
      '--label_enumerate_values=0,1',
      `--checkpoint_dir=${model}`,
      '--learning_rate=3e-5',
      '--epoch_num=2',
      '--random_seed=42',
      '--save_checkpoint_steps=2',
      '--sequence_length=128',
      '--micro_batch_size=32',
      '--app_name=text_classify',
      `--user_defined_parameters=pretrain_model_name_or_path=${base} num_threads=1`,
    ]);
    const evaluated = await succeeds([
      '--mode=evaluate',
      '--worker_gpu=0',
      `--tables=${dev}`,
      ...shared,
      '--label_name=label',
      '--label_enumerate_values=0,1',
      `--checkpoint_dir=${model}`,
      '--sequence_length=128',
      '--micro_batch_size=32',
      '--app_name=text_classify',
    ]);
    expect(evaluated).toMatch(/27 rows[\s\S]*accuracy +0\.\d{4}/);
    const predictions = at('dev.pred.csv');
    await succeeds([
      '--mode=predict',
      '--worker_gpu=0',
      `--tables=${dev}`,
      `--outputs=${predictions}`,
      ...shared,
      '--output_schema=predictions,probabilities,logits,output',
      '--append_cols=label',
      `--checkpoint_path=${model}`,
      '--sequence_length=128',
      '--micro_batch_size=32',
      '--app_name=text_classify',
    ]);
    const written = lines(predictions).map((line) => line.split('\t'));
    expect(written).toHaveLength(27);
    expect(written.map((line) => line[4])).toEqual(lines(dev).map((line) => line.split('\t')[0]));

    const native = at('native');
    const columns = ['--schema', schema, '--format', 'easynlp'];
    const pair = [...columns, '--first-sequence', 'sent1', '--second-sequence', 'sent2'];
    const flags =
      `--learning-rate 3e-5 --epochs 2 --seed 42 --save-steps 2 --eval-steps 2 --sequence-length 128
      --batch-size 32 --weight-decay 1e-4 --labels 0,1`.split(/\s+/);
    await succeeds([
      'train',
      '--train',
      train,
      '--dev',
      dev,
      '--model',
      base,
      '--output',
      native,
      ...pair,
      ...flags,
      ...NATIVE,
    ]);
    for (const file of ['model.safetensors', 'config.json', 'vocab.txt']) {
      expect(readFileSync(join(native, file)).equals(readFileSync(join(model, file))), file).toBe(true);
    }
    expect(await succeeds(['evaluate', '--model', native, '--data', dev, ...columns, ...NATIVE])).toBe(
      evaluated,
    );
    const own = at('native.tsv');
    const outputs = ['--output-schema', 'predictions,probabilities,logits,output', '--append-cols', 'label'];
    await succeeds([
      'predict',
      '--model',
      native,
      '--input',
      dev,
      '--output',
      own,
      ...columns,
      ...outputs,
      ...NATIVE,
    ]);
    expect(lines(own)).toEqual(lines(predictions));
  });

  // landing_large_ptms/distillation.sh, its last training and the prediction of logits.
  it('landing_large_ptms: one text, labels by name, flags apart from their values, comma-separated columns', async () => {
    const rows = (from: number, to: number) =>
      reviews(to)
        .slice(from)
        .map(({ text, label }) => ({ text, label: label === '好评' ? 'Positive' : 'Negative' }));
    const train = writeTsv(at('finetune_train.csv'), rows(0, 40), { header: false });
    const dev = writeTsv(at('finetune_test.csv'), rows(40, 60), { header: false });
    const model = at('finetuned_student');
    const common = [
      '--input_schema',
      'text:str:1,label:str:1',
      '--first_sequence',
      'text',
      '--app_name',
      'text_classify',
    ];
    await succeeds([
      '--mode',
      'train',
      '--tables',
      `${train},${dev}`,
      ...common,
      '--label_name',
      'label',
      '--label_enumerate_values',
      'Positive,Negative',
      '--checkpoint_dir',
      model,
      '--learning_rate',
      '1e-4',
      '--epoch_num',
      '1',
      '--save_checkpoint_steps',
      '100',
      '--sequence_length',
      '128',
      '--micro_batch_size',
      '8',
      '--worker_gpu',
      '0',
      '--user_defined_parameters',
      `pretrain_model_name_or_path=${base}`,
    ]);
    const logits = at('logits.csv');
    await succeeds([
      ...['--mode', 'predict', '--tables', dev, '--outputs', logits, ...common, '--output_schema', 'logits'],
      ...[
        '--checkpoint_path',
        model,
        '--sequence_length',
        '128',
        '--micro_batch_size',
        '8',
        '--worker_gpu',
        '0',
      ],
    ]);
    expect(lines(logits)).toHaveLength(20);
    for (const line of lines(logits)) expect(line.split(',').map(Number).every(Number.isFinite)).toBe(true);
    const { labels } = (
      JSON.parse(readFileSync(join(model, 'easynlp.json'), 'utf8')) as { task: { labels: string[] } }
    ).task;
    expect(labels).toEqual(['Positive', 'Negative']);
  });

  it('a header is skipped with skip_first_line, and an unmatched row is named', async () => {
    const train = writeTsv(at('headed.csv'), reviews(24));
    const flags = (columns: string) => [
      ...['--mode=train', `--tables=${train}`, `--input_schema=${columns}`, '--first_sequence=text'],
      ...['--label_name=label', '--skip_first_line', `--checkpoint_dir=${at('headed')}`, '--worker_gpu=0'],
      '--user_defined_parameters=architecture=text-cnn max_steps=2 conv_dim=8 embed_size=8',
    ];
    await succeeds(flags('label:str:1,text:str:1'));
    const wrong = await easynlp(flags('label:str:1,text:str:1,more:str:1'));
    expect(wrong.code).toBe(3);
    expect(wrong.err).toMatch(/headed\.csv, line 2: 2 columns, expected 3/);
  });
});

describe('the native commands', () => {
  let model = '';
  let train = '';
  let dev = '';
  beforeAll(async () => {
    model = at('cnn');
    train = writeTsv(at('reviews.tsv'), reviews(48));
    dev = writeTsv(at('reviews-dev.tsv'), reviews(20));
    writeFileSync(
      at('train.yaml'),
      [
        `train: ${train}`,
        `dev: ${dev}`,
        'architecture: text-cnn',
        'convDim: 8',
        'learningRate: 3e-3',
        'epochs: 1',
      ].join('\n'),
    );
    const out = await succeeds([
      'train',
      '--config',
      at('train.yaml'),
      '--epochs',
      '2',
      '--output',
      model,
      ...NATIVE,
    ]);
    expect(out).toMatch(/training finished after 4 steps \(2 epochs\)/);
    expect(out).toContain(`easynlp evaluate --model ${model} --data ${dev}`);
  });

  it('train --json gives the result, figures and all', async () => {
    const out = await succeeds([
      ...[
        'train',
        '--config',
        at('train.yaml'),
        '--output',
        at('json'),
        '--max-steps',
        '1',
        '--json',
        ...NATIVE,
      ],
    ]);
    expect(JSON.parse(out)).toMatchObject({
      steps: 1,
      stopped: 'finished',
      metrics: { accuracy: expect.any(Number) },
    });
  });

  it('the proposed next commands work as they are printed', async () => {
    const out = await succeeds(['evaluate', '--model', model, '--data', dev, '--json']);
    expect(JSON.parse(out)).toMatchObject({ rows: 20 });
    expect(await succeeds(['predict', '--model', model, '--text', '房间干净，服务周到'])).toMatch(
      /^(好评|差评) +[01]\.\d{4} +房间干净，服务周到\n$/,
    );
  });

  it('predicts texts given as arguments, commas and all, and lines of the standard input', async () => {
    const json = JSON.parse(
      await succeeds(['predict', '--model', model, '--text', '好吃,便宜', '--text', '差', '--json']),
    );
    expect(json).toMatchObject([{ text: '好吃,便宜', label: expect.any(String) }, { text: '差' }]);
    const out = await succeeds(['predict', '--model', model, '--input', '-'], '\ufeff好吃,便宜\r\n\n差\n');
    const rows = out
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    expect(rows.map((row) => row[2])).toEqual(['好吃,便宜', '', '差']);
    expect(rows[0]![0]).toBe(json[0].label);
    expect(await succeeds(['predict', '--model', model, '--input', '-'], '')).toBe('');
  });

  it('predicts pairs', async () => {
    const pairs = at('pairs');
    const data = writeTsv(at('pairs.tsv'), questionPairs(24));
    const columns = ['--first-sequence', 'sentence1', '--second-sequence', 'sentence2'];
    await succeeds([
      'train',
      '--train',
      data,
      '--architecture',
      'text-cnn',
      '--max-steps',
      '1',
      '--output',
      pairs,
      ...columns,
      ...NATIVE,
    ]);
    expect(await succeeds(['predict', '--model', pairs, '--text', '甲', '--second-text', '乙'])).toContain(
      '甲 | 乙',
    );
    expect(await succeeds(['predict', '--model', pairs, '--input', '-'], '甲\t乙\n')).toMatch(/甲 \| 乙\n$/);
    const one = await easynlp(['predict', '--model', pairs, '--input', '-'], '甲\t乙\n丙\n');
    expect([one.code, one.err]).toEqual([3, expect.stringContaining('standard input, line 2: 1 texts')]);
    const missing = await easynlp([
      'predict',
      '--model',
      pairs,
      '--text',
      '甲',
      '--text',
      '乙',
      '--second-text',
      '丙',
    ]);
    expect(missing.err).toContain('2 times --text, but 1 times --second-text');
  });

  it.each<[string, () => string[], number, RegExp]>([
    ['a misspelled command', () => ['evalute'], 2, /Did you mean evaluate\?/],
    ['a misspelled flag', () => ['predict', '--modle', 'm'], 2, /Did you mean --model\?/],
    ["another command's word for the data", () => ['predict', '--data', 'x'], 2, /Did you mean --input\?/],
    ["another command's flag", () => ['evaluate', '--learning-rate', '1'], 2, /flag of easynlp train/],
    [
      '--text together with files',
      () => ['predict', '--model', model, '--text', 'a', '--output', 'b'],
      2,
      /--output cannot/,
    ],
    ['a missing data file', () => ['evaluate', '--model', model, '--data', at('no.tsv')], 3, /no such file/],
    ['a missing model folder', () => ['evaluate', '--model', at('no'), '--data', dev], 4, /No model folder/],
    [
      'a result column by another name',
      () => ['predict', '--model', model, '--input', dev, '--output', at('x'), '--output-schema', 'logit'],
      2,
      /--output-schema: expected[\s\S]*Did you mean logits\?/,
    ],
    [
      'a column by another name',
      () => ['evaluate', '--model', model, '--data', dev, '--label-name', 'lable'],
      3,
      /Did you mean "label"/,
    ],
    [
      'a task of another model',
      () => ['evaluate', 'text_match', '--model', model, '--data', dev],
      2,
      /was trained for text_classify, not for text_match/,
    ],
    [
      'a task of EasyNLP that is not here yet',
      () => ['evaluate', 'wukong_clip', '--model', model, '--data', dev],
      2,
      /wukong_clip is not available/,
    ],
    [
      'a config file of another command',
      () => ['evaluate', '--config', at('train.yaml')],
      2,
      /train\.yaml:1:1: unknown option 'train'. It is an option of train, not of evaluate/,
    ],
    [
      'a trained folder in the way',
      () => ['train', '--config', at('train.yaml'), '--output', model],
      2,
      /already holds a trained model/,
    ],
  ])('%s: says what to do and ends with its exit code', async (_, argv, code, message) => {
    const result = await easynlp(argv());
    expect(result.err).toMatch(message);
    expect([result.code, result.out]).toEqual([code, '']);
    expect(result.err).not.toMatch(/\n +at /);
  });

  it('a damaged model is refused with the exit code of models', async () => {
    cpSync(model, at('damaged'), { recursive: true });
    writeFileSync(join(at('damaged'), 'model.safetensors'), 'nonsense');
    const { code, err } = await easynlp(['evaluate', '--model', at('damaged'), '--data', dev]);
    expect([code, err]).toEqual([4, expect.stringContaining('model.safetensors is damaged')]);
  });
});
