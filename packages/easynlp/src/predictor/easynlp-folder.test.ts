import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { AutoModelForTokenClassification, savePretrained } from '../modelzoo/index.js';
import { train } from '../trainer/train.js';
import { evaluate } from './evaluate.js';
import { pipeline } from './pipeline.js';
import { predict } from './predict.js';

// Made by scripts/oracle/easynlp_folder.py.
const original = fileURLToPath(new URL('../appzoo/fixtures/easynlp-folder', import.meta.url));
const { labels, rows } = JSON.parse(readFileSync(join(original, 'expected.json'), 'utf8')) as {
  labels: string[];
  rows: { text: string; probabilities: number[] }[];
};
const root = mkdtempSync(join(tmpdir(), 'easynlp-folder-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const machine = { device: 'cpu', numThreads: 1 } as const;

/** The folder with some of its files changed. */
function folder(name: string, files: Record<string, object | string> = {}): string {
  const path = join(root, name);
  cpSync(original, path, { recursive: true });
  for (const [file, content] of Object.entries(files)) {
    writeFileSync(join(path, file), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return path;
}
const settings = JSON.parse(readFileSync(join(original, 'train_config.json'), 'utf8')) as object;

describe('a folder that EasyNLP (Python) trained', () => {
  const model = folder('model');
  const gold = (row: { probabilities: number[] }) =>
    labels[row.probabilities.indexOf(Math.max(...row.probabilities))]!;

  it('predicts without training: the probabilities of Python, under the names of label_mapping.json', async () => {
    const classify = await pipeline('text_classify', model, machine);
    expect(classify.spec).toMatchObject({ labels, firstSequence: 'content', sequenceLength: 16 });
    const results = await classify(rows.map(({ text }) => text));
    for (const [i, { scores }] of results.entries()) {
      const found = new Map(scores.map(({ label, probability }) => [label, probability]));
      for (const [l, label] of labels.entries()) {
        expect(found.get(label)).toBeCloseTo(rows[i]!.probabilities[l]!, 5);
      }
    }
    classify.dispose();
  });

  it('evaluates and predicts tables with the columns of train_config.json', async () => {
    const data = join(root, 'dev.tsv');
    const named = rows.filter(({ text }) => text !== '');
    writeFileSync(
      data,
      ['label\tcontent', ...named.map((row) => `${gold(row)}\t${row.text}`), ''].join('\n'),
    );
    const { metrics } = await evaluate({ ...machine, model, data });
    expect(metrics.accuracy).toBe(1);
    const output = join(root, 'out.tsv');
    await predict({ ...machine, model, input: [data], output, outputSchema: ['predictions'] });
    expect(readFileSync(output, 'utf8').trim().split('\n')).toEqual(named.map(gold));
  });

  it('is trained further with its labels in their order, so that its classifier goes on', async () => {
    const data = join(root, 'more.tsv');
    const two = rows.filter(({ text }) => text !== '').map((row) => `${gold(row)}\t${row.text}`);
    writeFileSync(data, ['label\tcontent', ...two, ...two, ''].join('\n'));
    const output = join(root, 'further');
    await train({
      ...machine,
      ...{ app: 'text_classify', model, train: data, output, maxSteps: 1, learningRate: 1e-9, dropout: 0 },
      ...{ firstSequence: 'content', sequenceLength: 16, saveStrategy: 'none' },
    } as unknown as Parameters<typeof train>[0]);
    const manifest = JSON.parse(readFileSync(join(output, 'easynlp.json'), 'utf8')) as { task: object };
    expect(manifest.task).toMatchObject({ labels });
    expect(existsSync(join(output, 'label_mapping.json'))).toBe(false);
    const classify = await pipeline('text_classify', output, machine);
    const { scores } = await classify(rows[0]!.text);
    const first = scores.find(({ label }) => label === labels[0])!;
    expect(first.probability).toBeCloseTo(rows[0]!.probabilities[0]!, 4);
    classify.dispose();
    // Other labels: its own do not count, and weights for another number of them are refused as ever.
    writeFileSync(data, 'label\tcontent\nA\t很好\nB\t很差\n');
    const others = { ...machine, model, train: data, output: join(root, 'others'), firstSequence: 'content' };
    const options = { ...others, app: 'text_classify', sequenceLength: 16 } as unknown as Parameters<
      typeof train
    >[0];
    await expect(train(options)).rejects.toMatchObject({ code: 'MODEL_WEIGHTS_SHAPE' });
  });

  it('is of the task that train_config.json says: label sets, pairs', async () => {
    const sets = folder('sets', {
      'train_config.json': { ...settings, user_defined_parameters: 'multi_label=True a=b' },
    });
    const classify = await pipeline('text_classify_multi_label', sets, machine);
    expect(classify.spec).toMatchObject({ app: 'text_classify_multi_label', labels, labelSeparator: ',' });
    classify.dispose();
    await expect(pipeline('text_classify', sets, machine)).rejects.toMatchObject({ code: 'APP_MISMATCH' });
    const pairs = folder('pairs', {
      'train_config.json': { ...settings, app_name: 'text_match', second_sequence: 'other' },
    });
    const match = await pipeline('text_match', pairs, machine);
    expect(match.spec).toMatchObject({ firstSequence: 'content', secondSequence: 'other' });
    expect((await match([['很好', '不好']]))[0]!.scores).toHaveLength(3);
    match.dispose();
  });

  it('labels sequences with its tags', async () => {
    const path = folder('tags');
    rmSync(join(path, 'pytorch_model.bin'));
    const config = JSON.parse(readFileSync(join(path, 'config.json'), 'utf8')) as Record<string, unknown>;
    const tags = ['I-X', 'O', 'B-X'];
    const tagger = AutoModelForTokenClassification.fromConfig(
      { ...config, initializer_range: 0.5 },
      { numLabels: 3 },
    );
    await savePretrained(path, tagger);
    writeFileSync(join(path, 'config.json'), JSON.stringify(config));
    const app = { ...settings, app_name: 'sequence_labeling', label_name: 'tags' };
    writeFileSync(join(path, 'train_config.json'), JSON.stringify(app));
    writeFileSync(
      join(path, 'label_mapping.json'),
      JSON.stringify(Object.fromEntries(tags.map((t, i) => [t, i]))),
    );
    const label = await pipeline('sequence_labeling', path, machine);
    expect(label.spec).toMatchObject({ labels: tags, types: ['X'], firstSequence: 'content', spaced: true });
    expect((await label('房间很好')).tags).toHaveLength(4);
    label.dispose();
  });

  it('without train_config.json is used for the task that is named', async () => {
    const path = folder('alone');
    rmSync(join(path, 'train_config.json'));
    const classify = await pipeline('text_classify', path, machine);
    expect((await classify('很好')).scores.map(({ label }) => label).sort()).toEqual([...labels].sort());
    classify.dispose();
  });

  it.each([
    ['[]', 'label_mapping.json is not a JSON object'],
    ['{"a": 0, "b": 2}', 'label_mapping.json does not give the labels the numbers 0 to 1, each once'],
    ['{"a": 0, "b": 0}', 'each once'],
    ['{"a": 0, "b": "1"}', 'each once'],
    ['{"a": 0, "b": -1}', 'each once'],
    ['{}', 'each once'],
  ])('with the label mapping %s is refused', async (mapping, reason) => {
    const path = folder(`bad-${Buffer.from(mapping).toString('hex')}`, { 'label_mapping.json': mapping });
    await expect(pipeline('text_classify', path, machine)).rejects.toThrow(reason);
    await expect(pipeline('text_classify', path, machine)).rejects.toMatchObject({
      code: 'ARTEFACT_INVALID',
    });
  });
});
