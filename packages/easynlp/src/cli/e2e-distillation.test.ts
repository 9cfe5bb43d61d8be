import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { questionPairs, reviews, workFolder, writeTsv } from '../predictor/models.fixture.js';
import { FakeIo } from './fake-io.fixture.js';
import type { Library } from './library.js';
import { main } from './main.js';

/** EasyNLP's distillation scripts with their own flags, and the same with this toolkit's. */
const folder = workFolder('cli-distillation');
const at = (name: string) => join(folder, name);
const lines = (path: string) => readFileSync(path, 'utf8').trimEnd().split('\n');

async function succeeds(...argv: readonly string[]): Promise<string> {
  const io = new FakeIo();
  io.library = async () => (await import('../index.js')) as unknown as Library;
  const code = await main(argv, io);
  expect(code, io.err).toBe(0);
  return io.out;
}
/** `--key=value` flags, with what keeps a test short. */
const flags = (given: Record<string, string>, parameters: string) => [
  ...Object.entries({ worker_gpu: '0', ...given }).map(([key, value]) => `--${key}=${value}`),
  `--user_defined_parameters=${parameters}`,
];

describe("EasyNLP's scripts", () => {
  it('run_vanilla_kd.sh: teacher, logits of the training file, student, predictions', async () => {
    const rows = questionPairs(24).map(({ label, sentence1, sentence2 }, i) => ({
      ...{ label, id: `a${i}`, id2: `b${i}`, sent1: sentence1, sent2: sentence2 },
    }));
    const train = writeTsv(at('train.tsv'), rows, { header: false });
    const dev = writeTsv(at('dev.tsv'), rows.slice(0, 8), { header: false });
    const schema = 'label:str:1,id:str:1,id2:str:1,sent1:str:1,sent2:str:1';
    const common = {
      ...{ app_name: 'text_match', input_schema: schema, first_sequence: 'sent1', second_sequence: 'sent2' },
      ...{ sequence_length: '32', micro_batch_size: '8' },
    };
    const training = {
      ...{ ...common, mode: 'train', tables: `${train},${dev}`, label_name: 'label' },
      ...{ label_enumerate_values: '0,1', learning_rate: '3e-5', epoch_num: '1', save_checkpoint_steps: '2' },
    };
    const sizes = 'num_threads=1 max_steps=3';
    await succeeds(
      ...flags(
        { ...training, checkpoint_dir: at('teacher') },
        `pretrain_model_name_or_path=bert-tiny-zh ${sizes}`,
      ),
    );
    await succeeds(
      ...flags(
        {
          ...{ ...common, mode: 'predict', tables: train, outputs: at('pred.tsv') },
          ...{ output_schema: 'logits', checkpoint_dir: at('teacher') },
        },
        'num_threads=1',
      ),
    );
    expect(lines(at('pred.tsv'))).toHaveLength(24);
    expect(lines(at('pred.tsv'))[0]).toMatch(/^-?[\d.e-]+,-?[\d.e-]+$/);
    const out = await succeeds(
      ...flags(
        { ...training, input_schema: `${schema},logits:float:2`, checkpoint_dir: at('student') },
        `pretrain_model_name_or_path=bert-tiny-zh enable_distillation=True type=vanilla_kd logits_name=logits logits_saved_path=${at('pred.tsv')} temperature=5 alpha=0.2 ${sizes}`,
      ),
    );
    expect(out).toMatch(/training finished after 3 steps/);
    expect(readFileSync(join(at('student'), 'training/metrics.jsonl'), 'utf8')).toMatch(/"soft":/);
    await succeeds(
      ...flags(
        {
          ...{ ...common, mode: 'predict', tables: dev, outputs: at('student.tsv') },
          ...{ output_schema: 'predictions,probabilities,logits', checkpoint_dir: at('student') },
        },
        'num_threads=1',
      ),
    );
    expect(lines(at('student.tsv'))).toHaveLength(8);
  });

  it('landing distillation.sh: augmentation, a fine-tuned teacher, its logits, the student', async () => {
    const rows = reviews(12).map(({ text, label }) => ({
      text,
      label: label === '好评' ? 'Positive' : 'Negative',
    }));
    const train = writeTsv(at('landing.tsv'), rows, { header: false });
    const schema = { input_schema: 'text:str:1,label:str:1', first_sequence: 'text', sequence_length: '32' };
    await succeeds(
      ...flags(
        {
          ...{
            ...schema,
            mode: 'predict',
            app_name: 'data_augmentation',
            tables: train,
            micro_batch_size: '8',
          },
          ...{
            outputs: at('aug.tsv'),
            output_schema: 'augmented_data',
            label_name: 'label',
            checkpoint_dir: '_',
          },
        },
        'pretrain_model_name_or_path=bert-tiny-zh type=mlm_da expansion_rate=3 mask_proportion=0.25 remove_blanks=True num_threads=1',
      ),
    );
    const augmented = lines(at('aug.tsv'));
    expect(augmented).toHaveLength(36);
    for (const line of augmented) expect(line.split('\t')[1]).toMatch(/^(Positive|Negative)$/);
    const training = {
      ...{ ...schema, mode: 'train', app_name: 'text_classify', tables: `${at('aug.tsv')},${train}` },
      ...{ label_name: 'label', label_enumerate_values: 'Positive,Negative', micro_batch_size: '8' },
      ...{ epoch_num: '5', learning_rate: '1e-4', save_checkpoint_steps: '100' },
    };
    const model = 'pretrain_model_name_or_path=bert-tiny-zh num_threads=1 max_steps=3';
    await succeeds(...flags({ ...training, checkpoint_dir: at('large') }, model));
    await succeeds(
      ...flags(
        {
          ...{ ...schema, mode: 'predict', app_name: 'text_classify', tables: at('aug.tsv') },
          ...{ outputs: at('logits.csv'), output_schema: 'logits', checkpoint_dir: at('large') },
        },
        'num_threads=1',
      ),
    );
    await succeeds(
      ...flags(
        {
          ...{ ...training, checkpoint_dir: at('tiny') },
          input_schema: 'text:str:1,label:str:1,logits:float:2',
        },
        `${model} enable_distillation=True type=vanilla_kd logits_name=logits logits_saved_path=${at('logits.csv')} temperature=1 alpha=0.5`,
      ),
    );
    expect(JSON.parse(readFileSync(join(at('tiny'), 'easynlp.json'), 'utf8'))).toMatchObject({
      app: 'text_classify',
      task: { labels: ['Positive', 'Negative'] },
    });
  });
});

describe('the same with our own flags', () => {
  const NATIVE = ['--device', 'cpu', '--num-threads', '1'];

  it('a teacher tuned with a prompt teaches over unlabelled and augmented rows', async () => {
    const train = writeTsv(at('few.tsv'), reviews(12));
    const dev = writeTsv(at('few-dev.tsv'), reviews(8));
    const unlabelled = writeTsv(
      at('more.tsv'),
      reviews(30).map(({ text }) => ({ text: `${text}。` })),
    );
    const common = ['--train', train, '--dev', dev, '--model', 'bert-tiny-zh', '--max-steps', '3', ...NATIVE];
    await succeeds(
      ...['train', 'text_classify', ...common, '--method', 'pet', '--output', at('pet')],
      ...['--pattern', 'text,很,label', '--label-words', '好,坏'],
    );
    const out = await succeeds(
      ...[
        'train',
        'text_classify',
        ...common,
        '--method',
        'kd',
        '--teacher',
        at('pet'),
        '--output',
        at('few'),
      ],
      ...['--unlabelled', unlabelled, '--augment', '2', '--augment-model', 'bert-tiny-zh'],
      ...['--temperature', '2', '--alpha', '0.5', '--labelled-repeat', '2'],
    );
    expect(out).toMatch(/training finished after 3 steps/);
    expect(JSON.parse(readFileSync(join(at('few'), 'easynlp.json'), 'utf8')).task.method).toBeUndefined();
    const predicted = await succeeds('predict', '--model', at('few'), '--text', '好吃，还会再来', ...NATIVE);
    expect(predicted).toMatch(/[好差]评/);
  });

  it('layers of a teacher with the same tokenizer', async () => {
    const train = writeTsv(at('layers.tsv'), reviews(12));
    const common = ['--train', train, '--model', 'bert-tiny-zh', '--max-steps', '2', ...NATIVE];
    await succeeds('train', ...common, '--output', at('layers-teacher'));
    const out = await succeeds(
      ...['train', ...common, '--method', 'kd_intermediate', '--teacher', at('layers-teacher')],
      ...['--layer-map', '1:1,2:2', '--attention-weight', '0.5', '--output', at('layers-student')],
    );
    expect(out).toMatch(/training finished after 2 steps/);
  });

  it('data_augmentation writes rows to train on', async () => {
    const train = writeTsv(at('rows.tsv'), reviews(6));
    await succeeds(
      ...['predict', 'data_augmentation', '--model', 'bert-tiny-zh', '--input', train, ...NATIVE],
      ...[
        '--output',
        at('rows-more.tsv'),
        '--expansion-rate',
        '2',
        '--fill-temperature',
        '1',
        '--append-original',
      ],
    );
    expect(lines(at('rows-more.tsv'))).toHaveLength(1 + 18);
    await succeeds(
      ...['train', '--train', at('rows-more.tsv'), '--architecture', 'text-cnn', '--max-steps', '1'],
      ...['--output', at('rows-model'), ...NATIVE],
    );
  });
});
