import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tensor } from '@easynlp/torch';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseConfig, type TrainConfig } from '../../config/index.js';
import { type Cell, labelsIn, openTable, tableFromArray } from '../../datahub/index.js';
import '../../methods.js';
import { evaluate } from '../../predictor/evaluate.js';
import { tiny, workFolder } from '../../predictor/models.fixture.js';
import { pipeline } from '../../predictor/pipeline.js';
import { predict } from '../../predictor/predict.js';
import { train } from '../../trainer/train.js';
import { type MultiLabelSpec, textClassifyMultiLabel, tuneThresholds } from './index.js';
import { multiLabelOptions } from './options.js';

const folder = workFolder('multi-label');
const app = 'text_classify_multi_label';

const SIGNS: Readonly<Record<string, string>> = {
  外观: '很漂亮',
  声音: '噪音大',
  物流: '送货快',
  价格: '便宜',
};

/** Complaints and praise: a label for each sign that the text holds, none for every eighth. */
function rows(count: number): { text: string; labels: string[] }[] {
  return Array.from({ length: count }, (_, i) => {
    const labels = Object.keys(SIGNS).filter((_, l) => ((i * 7) >> l) & 1);
    return { text: `第${i % 5}台${labels.map((l) => SIGNS[l]).join('，')}`, labels };
  });
}
const jsonl = (path: string, data: readonly object[]) => {
  writeFileSync(path, `${data.map((row) => JSON.stringify(row)).join('\n')}\n`);
  return path;
};

async function specOf(
  values: readonly Record<string, Cell>[],
  options: object = {},
): Promise<MultiLabelSpec> {
  const config = parseConfig(
    'train',
    { train: 'x', architecture: 'text-cnn', output: join(folder, 'unused'), ...options },
    multiLabelOptions,
  );
  return textClassifyMultiLabel.prepare(config as TrainConfig, tableFromArray(values, { name: 'rows' }));
}

describe('label sets of cells', () => {
  const of = (cell: Cell, separator = ',') =>
    labelsIn({ values: { l: cell }, file: 'f', line: 3 }, 'l', separator);

  it('are lists, JSON text, or names with a separator', () => {
    expect(of('外观,声音')).toEqual(['外观', '声音']);
    expect(of(' 外观 , 声音 ,')).toEqual(['外观', '声音']);
    expect(of('外观;声音', ';')).toEqual(['外观', '声音']);
    expect(of(['a,b', 'c'])).toEqual(['a,b', 'c']);
    expect(of('["a,b", "c"]')).toEqual(['a,b', 'c']);
    expect(of('[1] first,second')).toEqual(['[1] first', 'second']);
    expect(of([3, 4])).toEqual(['3', '4']);
    expect(of('a,a')).toEqual(['a']);
    for (const empty of ['', ' ', ',', [], '[]'] as Cell[]) expect(of(empty)).toEqual([]);
  });

  it('null is no answer', () => {
    expect(() => of(null)).toThrow(/f, line 3, column "l": null is not a set of labels/);
  });

  it('survive being written and read', () => {
    const name = fc.stringMatching(/^[a-z外观声音]{1,4}$/);
    fc.assert(
      fc.property(fc.uniqueArray(name), (labels) => {
        expect(of(labels.join(','))).toEqual(labels);
        expect(of(JSON.stringify(labels))).toEqual(labels);
        expect(of(labels)).toEqual(labels);
      }),
    );
  });
});

describe('the task', () => {
  const data = [
    { text: '一', label: 'b,a' },
    { text: '二', label: '' },
    { text: '三', label: 'b' },
    { text: '四', label: 'b' },
  ];

  it('finds its labels, and counts for weights', async () => {
    expect(await specOf(data)).toMatchObject({ labels: ['a', 'b'], thresholds: null, positiveWeights: null });
    expect((await specOf(data, { positiveWeights: ['balanced'] })).positiveWeights).toEqual([3, 1 / 3]);
    expect((await specOf(data, { positiveWeights: ['2', 'b=5'] })).positiveWeights).toEqual([2, 5]);
    const { labelThresholds } = await specOf(data, { labelThresholds: ['b=0.9'] });
    expect(labelThresholds).toEqual({ b: 0.9 });
  });

  it.each([
    [{ positiveWeights: ['c=2'] }, /positiveWeights.*label of the task/],
    [{ positiveWeights: ['a=-1'] }, /weight above 0/],
    [{ positiveWeights: ['-1'] }, /above 0/],
    [{ positiveWeights: ['1', 'balanced'] }, /one weight/],
    [{ labelThresholds: ['a=1.5'] }, /between 0 and 1/],
    [{ labelThresholds: ['a=0.1', 'a=0.2'] }, /each label once/],
    [{ labelThresholds: ['0.3'] }, /label=number/],
  ])('refuses %j', async (options, message) => {
    await expect(specOf(data, options)).rejects.toThrow(message);
  });

  it('an unknown label is told with file, line and column', async () => {
    await expect(specOf(data, { labels: ['a', 'c'] })).rejects.toMatchObject({
      code: 'DATA_LABEL_UNKNOWN',
      message: expect.stringMatching(/rows, line 1, column "label": the label "b".*"a", "c"/),
    });
  });

  it('the loss is binary cross entropy with weights for positive rows', () => {
    const logits = tensor([[0.5, -1, 2]], { dtype: 'float32' });
    const labels = tensor([[1, 0, 1]], { dtype: 'float32' });
    const positiveWeights = tensor([3, 1, 1], { dtype: 'float32' });
    const terms = [Math.log1p(Math.exp(-0.5)), Math.log1p(Math.exp(-1)), Math.log1p(Math.exp(-2))];
    const mean = (weights: number[]) => terms.reduce((sum, t, i) => sum + t * weights[i]!, 0) / 3;
    expect(textClassifyMultiLabel.loss({ logits }, { labels }).item()).toBeCloseTo(mean([1, 1, 1]), 6);
    expect(textClassifyMultiLabel.loss({ logits }, { labels, positiveWeights }).item()).toBeCloseTo(
      mean([3, 1, 1]),
      6,
    );
  });
});

describe('tuning', () => {
  const labels = ['a', 'b', 'c'];
  const spec = { labels, tuning: 'per-label' as const, threshold: 0.5, labelThresholds: {} };
  //            a    b     c (no row has it)
  const p = [0.9, 0.3, 0.1, 0.8, 0.2, 0.2, 0.1, 0.05, 0.3];
  const gold = [1, 1, 0, 1, 1, 0, 0, 0, 0];

  it('finds a threshold for each label, and the common one for those without rows', () => {
    const [a, b, c] = tuneThresholds(spec, gold, p) as [number, number, number];
    expect(a).toBeCloseTo(0.45, 12);
    expect(b).toBeCloseTo(0.125, 12);
    expect(c).toBe(tuneThresholds({ ...spec, tuning: 'global' }, gold, p)[0]);
  });

  it('leaves fixed ones alone', () => {
    const fixed = { ...spec, labelThresholds: { b: 0.7 } };
    expect(tuneThresholds(fixed, gold, p)[1]).toBe(0.7);
    expect(tuneThresholds({ ...fixed, tuning: 'fixed' }, gold, p)).toEqual([0.5, 0.7, 0.5]);
    expect(
      tuneThresholds(
        spec,
        gold.map(() => 0),
        p,
      ),
    ).toEqual([0.5, 0.5, 0.5]);
  });
});

describe('a trained model', () => {
  const path = join(folder, 'train.jsonl');
  const output = join(folder, 'model');
  const options = { ...tiny('text-cnn'), app, learningRate: 1e-2, maxSteps: 120, epochs: 50 };
  beforeAll(async () => {
    jsonl(path, rows(64));
    await train({ ...options, train: path, dev: path, output, labelName: 'labels' });
  });
  const task = (model: string) => JSON.parse(readFileSync(join(model, 'easynlp.json'), 'utf8'));

  it('has learned, and carries its thresholds', async () => {
    const { task: spec, metrics } = task(output);
    expect(spec.thresholds).toHaveLength(4);
    expect(metrics.micro_f1).toBeGreaterThan(0.95);
    const result = await evaluate({ model: output, data: path, device: 'cpu' });
    expect(result.metrics).toEqual(metrics);
    expect(result.report).toMatch(/threshold +precision/);
    expect(JSON.parse(readFileSync(join(output, 'config.json'), 'utf8')).problem_type).toBe(
      'multi_label_classification',
    );
  });

  it('gives label sets, the empty one among them; batches equal singles', async () => {
    const classify = await pipeline(app, output, { device: 'cpu' });
    const one = await classify('第1台噪音大，便宜');
    expect([...one.labels].sort()).toEqual(['价格', '声音']);
    expect(one.scores.map((s) => s.label).sort()).toEqual(Object.keys(SIGNS).sort());
    for (const { label, probability, threshold } of one.scores) {
      expect(one.labels.includes(label)).toBe(probability >= threshold);
    }
    expect((await classify('第2台')).labels).toEqual([]);
    const odd = ['', ' ', '😀𠮷', '\u0000\u0007', '很漂亮'.repeat(500), '第3台送货快'];
    const batch = await classify(odd);
    for (const [i, text] of odd.entries()) {
      const single = await classify(text);
      expect(batch[i]!.labels).toEqual(single.labels);
      for (const [s, { logit }] of single.scores.entries())
        expect(batch[i]!.scores[s]!.logit).toBeCloseTo(logit, 4);
    }
    expect(await classify([])).toEqual([]);
    classify.dispose();
  });

  it('takes another threshold when it is used', async () => {
    const all = await pipeline(app, output, { device: 'cpu', options: { threshold: 1e-9 } });
    expect((await all('第2台')).labels).toHaveLength(4);
    all.dispose();
    const { metrics } = await evaluate({ app, model: output, data: path, device: 'cpu', threshold: 1e-9 });
    expect(metrics.micro_recall).toBe(1);
    expect(metrics.micro_precision).toBeLessThan(0.7);
  });

  it('writes columns that can be read again as labels', async () => {
    const out = join(folder, 'out.tsv');
    await predict({
      model: output,
      input: [path],
      output: out,
      outputSchema: ['predictions', 'probabilities', 'logits', 'output'],
      appendCols: ['text'],
      header: true,
      device: 'cpu',
    });
    const table = await openTable(out, {});
    let right = 0;
    let at = 0;
    for await (const row of table.rows()) {
      const found = labelsIn(row, 'predictions', ',').sort();
      if (found.join() === [...rows(64)[at++]!.labels].sort().join()) right++;
      expect(String(row.values.probabilities).split(',')).toHaveLength(4);
      expect(JSON.parse(String(row.values.output))).toHaveLength(found.length);
    }
    expect(at).toBe(64);
    expect(right).toBeGreaterThan(58);
  });

  it('without validation data the fixed threshold is stored', async () => {
    const plain = join(folder, 'plain');
    await train({ ...options, maxSteps: 2, train: path, output: plain, labelName: 'labels', threshold: 0.3 });
    expect(task(plain).task.thresholds).toEqual([0.3, 0.3, 0.3, 0.3]);
  });

  it('teaches a student, whose soft loss is that of sigmoids', async () => {
    const student = join(folder, 'student');
    const unlabelled = jsonl(
      join(folder, 'more.jsonl'),
      rows(40).map(({ text }) => ({ text })),
    );
    const result = await train({
      ...options,
      method: 'kd',
      teacher: [output],
      unlabelled: [unlabelled],
      train: path,
      dev: path,
      output: student,
      labelName: 'labels',
      seed: 9,
      maxSteps: 300,
    });
    expect(result.metrics.micro_f1).toBeGreaterThan(0.9);
    expect(task(student).task.labels).toEqual(task(output).task.labels);
  });
});
