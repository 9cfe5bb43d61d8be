import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { workFolder } from '../predictor/models.fixture.js';
import { FakeIo } from './fake-io.fixture.js';
import type { Library } from './library.js';
import { main } from './main.js';

/** Sequence labelling through both command lines, with the real toolkit behind them. */
const folder = workFolder('cli-sequence-labeling');
const at = (name: string) => join(folder, name);
const lines = (path: string) => readFileSync(path, 'utf8').trimEnd().split('\n');
const task = (model: string) => JSON.parse(readFileSync(join(model, 'easynlp.json'), 'utf8')).task;

async function succeeds(argv: readonly string[], input = ''): Promise<{ out: string; err: string }> {
  const io = new FakeIo();
  io.input = input;
  io.library = async () => (await import('../index.js')) as unknown as Library;
  const code = await main(argv, io);
  expect(code, io.err).toBe(0);
  return { out: io.out, err: io.err };
}

const SIZE = '--architecture bert --layers 1 --hidden-size 32 --heads 2 --batch-size 8 --learning-rate 4e-3';
const MACHINE = '--device cpu --num-threads 1';

beforeAll(() => {
  const sentences = Array.from({ length: 32 }, (_, i) =>
    (i % 2 ? '张 三 在 北 京' : '北 京 有 李 四').split(' '),
  );
  const tags = (i: number) => (i % 2 ? 'B-PER I-PER O B-LOC I-LOC' : 'B-LOC I-LOC O B-PER I-PER').split(' ');
  writeFileSync(
    at('train.conll'),
    sentences.map((s, i) => s.map((token, k) => `${token}\t${tags(i)[k]}\n`).join('')).join('\n'),
  );
  writeFileSync(at('train.tsv'), sentences.map((s, i) => `${s.join(' ')}\t${tags(i).join(' ')}\n`).join(''));
});

describe('the native commands', () => {
  it('train, evaluate and predict', async () => {
    const model = at('crf');
    const data = at('train.conll');
    await succeeds(
      `train sequence_labeling --train ${data} --dev ${data} --crf --crf-lr-factor 5 --tag-scheme bioes ${SIZE} --max-steps 40 --epochs 20 --output ${model} ${MACHINE}`.split(
        ' ',
      ),
    );
    expect(task(model)).toMatchObject({ crf: true, crfLrFactor: 5, scheme: 'bioes' });
    const { out } = await succeeds(`evaluate --model ${model} --data ${data} ${MACHINE}`.split(' '));
    expect(out).toMatch(/32 rows[\s\S]*LOC[\s\S]*micro average/);
    const text = await succeeds(`predict --model ${model} --text 张三在北京 ${MACHINE}`.split(' '));
    expect(text.out).toMatch(/PER 张三 0–2 [01]\.\d{4} {2}LOC 北京 3–5 [01]\.\d{4} +张三在北京/);
    const json = await succeeds(
      `predict --model ${model} --input - --json ${MACHINE}`.split(' '),
      '张三在北京\n',
    );
    expect(JSON.parse(json.out)).toMatchObject({
      text: '张三在北京',
      entities: [{ type: 'PER', text: '张三' }, {}],
    });
  });
});

describe("EasyNLP's flags", () => {
  it('train, evaluate and predict space-separated tokens', async () => {
    const model = at('easynlp');
    const data = at('train.tsv');
    const common = [
      '--app_name=sequence_labeling',
      '--input_schema=content:str:1,label:str:1',
      '--first_sequence=content',
      '--sequence_length=32',
    ];
    const labels = ['--label_name=label', '--label_enumerate_values=B-LOC,B-PER,I-LOC,I-PER,O'];
    const sizes =
      'tag_scheme=bmes crf=True architecture=bert layers=1 hidden_size=32 heads=2 max_steps=30 device=cpu';
    await succeeds([
      ...['--mode=train', ...common, ...labels, `--tables=${data},${data}`, `--checkpoint_dir=${model}`],
      ...['--learning_rate=4e-3', '--epoch_num=10', '--micro_batch_size=8'],
      `--user_defined_parameters=${sizes}`,
    ]);
    expect(task(model)).toMatchObject({ types: ['LOC', 'PER'], scheme: 'bmes', crf: true, spaced: true });
    const { out } = await succeeds([
      ...['--mode=evaluate', ...common, ...labels, `--tables=${data}`, `--checkpoint_dir=${model}`],
    ]);
    expect(out).toMatch(/f1/);
    await succeeds([
      ...['--mode=predict', ...common, `--tables=${data}`, `--checkpoint_dir=${model}`],
      ...[`--outputs=${at('out.tsv')}`, '--output_schema=predictions,output', '--append_cols=content'],
    ]);
    const [predictions, output, content] = lines(at('out.tsv'))[1]!.split('\t');
    // As many tags as tokens, and words without the spaces that stand between the tokens.
    expect(predictions!.split(' ')).toHaveLength(5);
    expect(content).toBe('张 三 在 北 京');
    expect(JSON.parse(output!)).toEqual([
      { word: '张三', tag: 'PER', start: 0, end: 2 },
      { word: '北京', tag: 'LOC', start: 3, end: 5 },
    ]);
  });
});
