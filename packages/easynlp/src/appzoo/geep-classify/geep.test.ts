import { join } from 'node:path';
import { manualSeed, noGrad, tensor, tidy } from '@easynlp/torch';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import '../../methods.js';
import { evaluate } from '../../predictor/evaluate.js';
import { reviews, tiny, workFolder, writeTsv } from '../../predictor/models.fixture.js';
import { pipeline } from '../../predictor/pipeline.js';
import { train } from '../../trainer/train.js';
import type { ModelInputs } from '../app.js';
import { type GeepSpec, geepClassify, normalisedEntropy, type ThresholdFigures } from './index.js';
import type { GeepModel } from './model.js';

const folder = workFolder('geep');

const spec: GeepSpec = {
  app: 'geep_classify',
  sequenceLength: 16,
  firstSequence: 'text',
  secondSequence: null,
  labelName: 'label',
  labels: ['a', 'b', 'c'],
  exits: null,
  exitThreshold: 0,
};
const config = {
  model_type: 'bert',
  vocab_size: 50,
  hidden_size: 16,
  num_hidden_layers: 4,
  num_attention_heads: 2,
  intermediate_size: 32,
  max_position_embeddings: 32,
  type_vocab_size: 2,
  initializer_range: 0.3,
};
async function modelOf(changes: Partial<GeepSpec> = {}, seed = 5): Promise<GeepModel> {
  manualSeed(seed);
  return (await geepClassify.head({ ...spec, ...changes }, { kind: 'config', config })) as GeepModel;
}

describe('normalised entropy', () => {
  it.each([
    [[0.5, 0.5], 1],
    [[0.9, 0.1], 0.468996],
    [[0.99, 0.01], 0.080793],
    [[1, 0], 0],
    [[0.25, 0.25, 0.25, 0.25], 1],
  ])('of %j is %f', (p, expected) => {
    expect(normalisedEntropy(p)).toBeCloseTo(expected, 6);
  });

  it('lies in 0 … 1', () => {
    const values = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(values, (v) => {
        const sum = v.reduce((a, b) => a + b, 0);
        fc.pre(sum > 1e-9);
        const h = normalisedEntropy(v.map((x) => x / sum));
        expect(h).toBeGreaterThanOrEqual(0);
        expect(h).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('leaving early', () => {
  const rows = [
    [2, 5, 6, 7, 3],
    [2, 9, 3, 0, 0],
    [2, 20, 21, 22, 3],
    [2, 30, 3, 0, 0],
    [2, 11, 12, 3, 0],
  ];
  const inputs = (of: readonly number[][] = rows): ModelInputs => ({
    inputIds: tensor(of as number[][], { dtype: 'int32' }),
    attentionMask: tensor(
      of.map((row) => row.map((id) => (id === 0 ? 0 : 1))),
      { dtype: 'int32' },
    ).to({ dtype: 'bool' }),
  });
  const answer = (model: GeepModel, of?: readonly number[][]) =>
    noGrad(() =>
      tidy(() => {
        const { logits, layers } = model.forward(inputs(of));
        return { logits: logits!.toArray() as number[][], layers: layers!.toArray() as number[] };
      }),
    );

  it('each text goes as far as it must, and gets there what it gets alone', async () => {
    const model = await modelOf();
    model.eval();
    // A threshold between the entropies after the first layer: some leave there, some do not.
    const found = new Set<string>();
    for (const threshold of [0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.99]) {
      model.exitThreshold = threshold;
      const batch = answer(model);
      found.add(batch.layers.join());
      for (const [r, row] of rows.entries()) {
        const alone = answer(model, [row.filter((id) => id !== 0)]);
        expect(alone.layers[0]).toBe(batch.layers[r]);
        for (const [c, value] of alone.logits[0]!.entries())
          expect(batch.logits[r]![c]).toBeCloseTo(value, 4);
      }
    }
    const mixed = [...found].filter((layers) => new Set(layers.split(',')).size > 1);
    expect(mixed.length, [...found].join(' | ')).toBeGreaterThan(0);
    model.dispose();
  });

  it('0 runs every layer, 1 the first one only; rows that left are not computed', async () => {
    const model = await modelOf();
    model.eval();
    const sizes: number[] = [];
    for (const layer of model.bert.encoder.layer) {
      const forward = layer.forward.bind(layer);
      layer.forward = (x, ...rest) => {
        sizes.push(x.size(0));
        return forward(x, ...rest);
      };
    }
    const computed = (threshold: number) => {
      sizes.length = 0;
      model.exitThreshold = threshold;
      const { layers } = answer(model);
      expect(sizes.reduce((a, b) => a + b, 0)).toBe(layers.reduce((a, b) => a + b, 0));
      return [...sizes];
    };
    expect(computed(0)).toEqual([5, 5, 5, 5]);
    expect(computed(1)).toEqual([5]);
    for (const threshold of [0.7, 0.9, 0.97]) computed(threshold);
    model.dispose();
  });

  it('exits beyond the last but one layer are not made; other models are refused', async () => {
    const two = await modelOf({ exits: 2 });
    expect(two.exits).toHaveLength(2);
    two.dispose();
    const many = await modelOf({ exits: 12 });
    expect(many.exits).toHaveLength(3);
    many.dispose();
    await expect(
      geepClassify.head(spec, { kind: 'config', config: { ...config, num_hidden_layers: 1 } }),
    ).rejects.toThrow(/nothing to leave early/);
  });

  it('the loss is the sum over sub-nets of cross entropy, and over exits of the divergence', async () => {
    const model = await modelOf();
    for (const module of [model.bert, ...model.exits, model.classifier]) module.eval();
    const labels = tensor([0, 1, 2, 0, 1], { dtype: 'int64' });
    const outputs = model.forward(inputs());
    const own = geepClassify.loss(outputs, { labels }).item();
    const softmax = (v: number[]) => {
      const e = v.map(Math.exp);
      const sum = e.reduce((a, b) => a + b, 0);
      return e.map((x) => x / sum);
    };
    const subnets = outputs.subnets!.toArray() as number[][][];
    const students = outputs.students!.toArray() as number[][][];
    const whole = (outputs.logits!.toArray() as number[][]).map(softmax);
    expect(subnets).toHaveLength(3);
    expect(subnets.at(-1)).toEqual(outputs.logits!.toArray());
    const gold = [0, 1, 2, 0, 1];
    let expected = 0;
    for (const subnet of subnets)
      for (const [r, l] of subnet.entries()) expected -= Math.log(softmax(l)[gold[r]!]!) / 5;
    for (const student of students) {
      for (const [r, l] of student.entries()) {
        for (const [c, q] of softmax(l).entries())
          expected += (whole[r]![c]! * Math.log(whole[r]![c]! / q)) / 5;
      }
    }
    expect(own).toBeCloseTo(expected, 4);
    model.dispose();
  });
});

describe('a trained model', () => {
  const path = join(folder, 'reviews.tsv');
  const output = join(folder, 'model');
  beforeAll(async () => {
    writeTsv(path, reviews(48));
    await train({
      ...tiny('bert'),
      layers: 3,
      app: 'geep_classify',
      train: path,
      output,
      maxSteps: 80,
      exitThreshold: 0.6,
    });
  });

  it('has learned at every exit', async () => {
    const { metrics, details, report } = await evaluate({
      app: 'geep_classify',
      model: output,
      data: path,
      device: 'cpu',
      exitThreshold: 1,
      compareThresholds: [0, 0.5],
    });
    expect(metrics.mean_layers).toBe(1);
    const { thresholds } = details as { thresholds: ThresholdFigures[] };
    expect(thresholds.map((t) => t.exitThreshold)).toEqual([0, 0.5, 1]);
    expect(thresholds[0]!.meanLayers).toBe(3);
    expect(thresholds[0]!.accuracy).toBeGreaterThan(0.9);
    expect(thresholds[2]!.accuracy).toBeGreaterThan(0.8);
    expect(report).toMatch(/exit threshold +accuracy +layers +rows\/s +speed/);
  });

  it('tells how far a text went; the threshold is that of training unless another is given', async () => {
    const trained = await pipeline('geep_classify', output, { device: 'cpu' });
    const all = await pipeline('geep_classify', output, { device: 'cpu', options: { exitThreshold: 0 } });
    const texts = [...reviews(8).map((r) => r.text), '', '😀𠮷\u0000', '好'.repeat(400)];
    const early = await trained(texts);
    const full = await all(texts);
    expect(full.every((r) => r.layers === 3)).toBe(true);
    expect(early.some((r) => r.layers < 3)).toBe(true);
    for (const [i, text] of texts.entries()) expect((await trained(text)).label).toBe(early[i]!.label);
    expect(await trained([])).toEqual([]);
    trained.dispose();
    all.dispose();
  });
});
