import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { workFolder } from '../predictor/models.fixture.js';
import { pipeline } from '../predictor/pipeline.js';
import { FakeIo } from './fake-io.fixture.js';
import type { Library } from './library.js';
import { main } from './main.js';

/** K-BERT on both command lines, with the real toolkit behind them. */
const folder = workFolder('cli-k-bert');
const at = (name: string) => join(folder, name);
const model = fileURLToPath(new URL('../../../models-zh/bert-tiny-zh', import.meta.url));
const lines = (path: string) => readFileSync(path, 'utf8').trimEnd().split('\n');
const written = (name: string, rows: readonly string[]): string => {
  writeFileSync(at(name), `${rows.join('\n')}\n`);
  return at(name);
};
const task = (name: string) => JSON.parse(readFileSync(join(name, 'easynlp.json'), 'utf8')).task;

async function easynlp(argv: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const io = new FakeIo();
  io.library = async () => (await import('../index.js')) as unknown as Library;
  const code = await main(argv, io);
  return { code, out: io.out, err: io.err };
}

const graph = () =>
  written('graph.spo', [
    '北京\t首都\t中国',
    '北京\t类\t城市',
    '北京\t别名\t燕京',
    '上海\t类\t城市',
    '苹果\t类\t水果',
    '梨\t类\t水果',
  ]);

/** Whether a text is about a town or about fruit; the facts say which is which. */
const TOWNS = ['北京', '上海'];
const FRUIT = ['苹果', '梨'];
const texts = Array.from({ length: 16 }, (_, i) => ({
  sid: `s${i}`,
  word: (i % 2 ? FRUIT : TOWNS)[(i >> 1) % 2]!,
  label: String(i % 2),
}));
const sentence = (word: string, i: number) => ['我喜欢', '这是', '没有人不喜欢'][i % 3]! + word;

const MACHINE = ['--device', 'cpu', '--num-threads', '1'];

describe("EasyNLP's recipes of K-BERT", () => {
  it('run_cls.sh: train, evaluate and predict, without the graph from then on', async () => {
    const kg = graph();
    const data = written(
      'cls.tsv',
      texts.map(({ sid, word, label }, i) => [label, sid, sentence(word, i)].join('\t')),
    );
    const output = at('cls');
    const common = [
      ...['--app_name=text_classify', '--input_schema=label:str:1,sid1:str:1,sent1:str:1'],
      ...['--first_sequence=sent1', '--label_name=label', '--label_enumerate_values=0,1'],
      ...['--sequence_length=32', '--micro_batch_size=10', '--worker_gpu=0'],
    ];
    const udp = `pretrain_model_name_or_path=${model} kg_file=${kg}`;
    const trained = await easynlp([
      ...['--mode=train', `--tables=${data},${data}`, ...common, `--checkpoint_dir=${output}`],
      ...['--learning_rate=2e-5', '--epoch_num=2', '--save_checkpoint_steps=50'],
      `--user_defined_parameters=${udp} num_threads=1`,
    ]);
    expect(trained.code, trained.err).toBe(0);
    expect(trained.err).toContain(
      'knowledge: 4 entities, 5 facts; 16 of the first 16 texts have some of them',
    );
    expect(task(output)).toMatchObject({
      ...{ app: 'text_classify', method: 'kbert', firstSequence: 'sent1' },
      knowledge: { file: 'knowledge.spo.gz', subjects: 4, triples: 5, maxEntities: 2 },
    });
    rmSync(kg);

    const evaluated = await easynlp([
      ...['--mode=evaluate', `--tables=${data}`, ...common, `--checkpoint_dir=${output}`],
      `--user_defined_parameters=${udp}`,
    ]);
    expect(evaluated.code, evaluated.err).toBe(0);
    expect(evaluated.err).toContain('kg_file: the model has the facts of its training');
    expect(evaluated.out).toContain('accuracy');
    const out = at('cls.pred.tsv');
    const predicted = await easynlp([
      ...['--mode=predict', `--tables=${data}`, ...common, `--checkpoint_dir=${output}`],
      ...[`--outputs=${out}`, '--output_schema=predictions,probabilities', '--append_cols=sid1'],
    ]);
    expect(predicted.code, predicted.err).toBe(0);
    expect(lines(out)).toHaveLength(16);
    expect(lines(out)[0]).toMatch(/^[01]\t[\d.,e-]+\ts0$/);
  });

  it('run_ner.sh: train and predict space-separated tokens', async () => {
    const kg = graph();
    const spaced = (text: string) => [...text].join(' ');
    const data = written(
      'ner.tsv',
      texts.map(({ word }, i) => {
        const [first, ...rest] = word;
        const before = [...sentence(word, i)].length - [...word].length;
        const type = TOWNS.includes(word) ? 'LOC' : 'ORG';
        const tags = [...new Array<string>(before).fill('O'), `B-${type}`, ...rest.map(() => `I-${type}`)];
        expect(first).toBeDefined();
        return `${spaced(sentence(word, i))}\t${tags.join(' ')}`;
      }),
    );
    const output = at('ner');
    const common = [
      ...['--app_name=sequence_labeling', '--input_schema=content:str:1,label:str:1'],
      ...['--first_sequence=content', '--sequence_length=32', '--worker_gpu=0'],
    ];
    const labels = ['--label_name=label', '--label_enumerate_values=B-LOC,B-ORG,I-LOC,I-ORG,O'];
    const trained = await easynlp([
      ...['--mode=train', `--tables=${data},${data}`, ...common, ...labels, `--checkpoint_dir=${output}`],
      ...['--learning_rate=1e-3', '--epoch_num=12', '--micro_batch_size=10'],
      `--user_defined_parameters=pretrain_model_name_or_path=${model} kg_file=${kg} num_threads=1`,
    ]);
    expect(trained.code, trained.err).toBe(0);
    rmSync(kg);
    const out = at('ner.pred.tsv');
    const predicted = await easynlp([
      ...['--mode=predict', `--tables=${data}`, ...common, `--checkpoint_dir=${output}`],
      ...[`--outputs=${out}`, '--output_schema=predictions,output', '--append_cols=content'],
    ]);
    expect(predicted.code, predicted.err).toBe(0);
    const [predictions, entities, content] = lines(out)[0]!.split('\t') as [string, string, string];
    expect(content).toBe('我 喜 欢 北 京');
    // A tag for each token of the text, none for its facts.
    expect(predictions).toBe('O O O B-LOC I-LOC');
    expect(JSON.parse(entities)).toEqual([{ word: '北京', tag: 'LOC', start: 3, end: 5 }]);

    const tag = await pipeline('sequence_labeling', output, { device: 'cpu' });
    const text = '他说，我 喜欢上海。';
    const found = (await tag(text)) as { entities: { start: number; end: number; text: string }[] };
    expect(found.entities.map(({ start, end }) => text.slice(start, end))).toContain('上海');
    for (const { start, end, text: own } of found.entities) expect(text.slice(start, end)).toBe(own);
    tag.dispose();
  });
});

describe('the native commands', () => {
  const pairs = (): string =>
    written('pairs.tsv', [
      'sentence1\tsentence2\tlabel',
      ...texts.map(({ word }, i) => {
        const other = texts[i >> 1]!.word;
        return `${sentence(word, i)}\t是${other}\t${TOWNS.includes(word) === TOWNS.includes(other) ? 1 : 0}`;
      }),
    ]);

  it('train and predict pairs, and methods has K-BERT', async () => {
    const kg = graph();
    const output = at('pairs');
    const data = pairs();
    const trained = await easynlp([
      ...['train', 'text_match', '--method', 'kbert', '--kg-file', kg, '--kg-max-entities', '1'],
      ...['--train', data, '--dev', data, '--model', model, '--sequence-length', '32', '--max-steps', '4'],
      ...['--output', output, '--quiet', ...MACHINE],
    ]);
    expect(trained.code, trained.err).toBe(0);
    expect(task(output)).toMatchObject({ app: 'text_match', knowledge: { triples: 4, maxEntities: 1 } });
    const predicted = await easynlp([
      ...['predict', '--model', output, '--input', data, '--output', at('pairs.out.tsv'), ...MACHINE],
    ]);
    expect(predicted.code, predicted.err).toBe(0);
    expect(lines(at('pairs.out.tsv')).length).toBeGreaterThanOrEqual(16);
    expect((await easynlp(['methods'])).out).toMatch(/kbert.*K-BERT/);
  });

  it('tell a mistake of the graph before anything is written', async () => {
    const wrong = written('wrong.spo', ['北京\t首都\t中国', '北京 类 城市']);
    const argv = (...rest: string[]) => [
      ...['train', 'text_match', '--method', 'kbert', '--train', pairs(), '--model', model],
      ...['--output', at('never'), ...MACHINE, ...rest],
    ];
    const bad = await easynlp(argv('--kg-file', wrong));
    expect(bad.code).toBe(3);
    expect(bad.err).toMatch(/wrong\.spo, line 2: 1 columns, expected 3/);
    const missing = await easynlp(argv());
    expect(missing.code).toBe(2);
    expect(missing.err).toContain('a .spo file');
    expect(existsSync(at('never'))).toBe(false);
  });
});
