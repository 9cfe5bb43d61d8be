import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { questionPairs, reviews, workFolder } from '../predictor/models.fixture.js';
import { FakeIo } from './fake-io.fixture.js';
import type { Library } from './library.js';
import { main } from './main.js';

/** Few-shot methods on both command lines, with the real toolkit behind them. */
const folder = workFolder('cli-fewshot');
const at = (name: string) => join(folder, name);
const model = fileURLToPath(new URL('../../../models-zh/bert-tiny-zh', import.meta.url));
const lines = (path: string) => readFileSync(path, 'utf8').trimEnd().split('\n');

async function easynlp(argv: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const io = new FakeIo();
  io.library = async () => (await import('../index.js')) as unknown as Library;
  const code = await main(argv, io);
  return { code, out: io.out, err: io.err };
}

/** EasyNLP's tables have no header: sid, sent1, sent2, label. */
function pairs(name: string, from: number, to: number): string {
  const rows = questionPairs(to)
    .slice(from)
    .map(({ sentence1, sentence2, label }, i) => [`s${i}`, sentence1, sentence2, label].join('\t'));
  writeFileSync(at(name), `${rows.join('\n')}\n`);
  return at(name);
}

const COMMON = [
  '--input_schema=sid:str:1,sent1:str:1,sent2:str:1,label:str:1',
  ...['--first_sequence=sent1', '--second_sequence=sent2', '--label_name=label'],
  ...['--label_enumerate_values=0,1', '--sequence_length=48', '--micro_batch_size=8', '--worker_gpu=0'],
];

describe("EasyNLP's few-shot recipes", () => {
  const train = pairs('train.tsv', 0, 8);
  const dev = pairs('dev.tsv', 8, 16);
  it.each([
    ['pet', 'label_desc=否,能 type=pet_fewshot pattern=sent1,label,用,sent2,概括。'],
    ['ptuning', 'label_desc=否,能 type=pet_fewshot pattern=sent1,<pseudo>,label,<pseudo>,sent2'],
    ['cptuning', 'type=cpt_fewshot pattern=sent1,label,用,sent2,概括。'],
  ])('%s: train, evaluate and predict', async (method, udp) => {
    const output = at(method);
    const trained = await easynlp([
      ...['--mode=train', '--app_name=text_classify', `--tables=${train},${dev}`, ...COMMON],
      ...['--learning_rate=1e-5', '--epoch_num=1', '--random_seed=42', `--checkpoint_dir=${output}`],
      `--user_defined_parameters=pretrain_model_name_or_path=${model} enable_fewshot=True ${udp} num_threads=1`,
    ]);
    expect(trained.code, trained.err).toBe(0);
    const manifest = JSON.parse(readFileSync(join(output, 'easynlp.json'), 'utf8')) as { task: object };
    expect(manifest.task).toMatchObject({ method, firstSequence: 'sent1', secondSequence: 'sent2' });

    const out = at(`${method}.pred.tsv`);
    const predicted = await easynlp([
      ...['--mode=predict', '--app_name=text_classify', `--tables=${dev}`, ...COMMON],
      ...[`--outputs=${out}`, '--output_schema=predictions', '--append_cols=sid,label'],
      ...[`--checkpoint_path=${output}`, `--user_defined_parameters=enable_fewshot=True ${udp}`],
    ]);
    expect(predicted.code, predicted.err).toBe(0);
    expect(lines(out)).toHaveLength(8);
    expect(lines(out)[0]).toMatch(/^[01]\ts0\t[01]$/);
  });
});

describe('the command line', () => {
  it('trains with PET, in English too, and tells mistakes of a pattern before anything is written', async () => {
    const file = at('reviews.tsv');
    const rows = reviews(12).map(({ text, label }) => `${text}\t${label}`);
    writeFileSync(file, `text\tlabel\n${rows.join('\n')}\n`);
    const labels = [...new Set(reviews(12).map(({ label }) => label))];
    const argv = (pattern: string, output: string) => [
      ...['train', 'text_classify', '--method', 'pet', '--train', file, '--labels', labels.join(',')],
      ...['--model', model, '--pattern', pattern, '--label-words', 'bad,good', '--sequence-length', '48'],
      ...['--max-steps', '1', '--output', output, '--device', 'cpu', '--num-threads', '1', '--quiet'],
    ];
    const wrong = await easynlp(argv('txet,label,"."', at('never')));
    expect(wrong.code).toBe(2);
    expect(wrong.err).toContain('character 1: there is no column "txet"');
    expect(wrong.err).toContain('Did you mean text?');
    const { code, err } = await easynlp(argv('"It was, in \\"short\\", ",label,". ",text', at('english')));
    expect(code, err).toBe(0);
    const methods = await easynlp(['methods']);
    for (const name of ['pet', 'pet_ensemble', 'ptuning', 'cptuning']) expect(methods.out).toContain(name);
  });
});
