import { join } from 'node:path';
import { eye, grad, manualSeed, noGrad, type Tensor, tensor, tidy } from '@easynlp/torch';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  AutoModelForSequenceClassification,
  BertForSequenceClassification,
  savePretrained,
} from '../../modelzoo/index.js';
import { workFolder } from '../../predictor/models.fixture.js';
import { Bridge } from './bridge.js';
import type { LoadedTeacher } from './loaded-teacher.js';
import { loadDomainBranch, MetaTeacher } from './meta-teacher.js';
import { DISTILL_PARTS, type DistillPart } from './options.js';
import { classesToKnow, partsOf, type StudentSettings, studentObjective } from './student.js';
import { teacherLoss, teacherObjective, weightedMean } from './teacher.js';

const folder = workFolder('metakd-objectives');
const bert = (sizes: Record<string, number>) => {
  const model = AutoModelForSequenceClassification.fromConfig(
    {
      ...{ model_type: 'bert', vocab_size: 12, max_position_embeddings: 8, initializer_range: 0.3 },
      ...{ hidden_dropout_prob: 0, attention_probs_dropout_prob: 0, ...sizes },
    },
    { numLabels: 2, dtype: 'float64' },
  );
  if (!(model instanceof BertForSequenceClassification)) throw new Error('not a BERT');
  return model;
};
const int64 = { dtype: 'int64' } as const;
const settings: StudentSettings = {
  ...{ temperature: 2, domainLossWeight: 0.5, labelLossWeight: 0.2 },
  ...{ transferWeights: true, expertiseWeights: true },
};

let teacher: MetaTeacher;
let student: BertForSequenceClassification;
let inputs: Record<string, Tensor>;
let taught: LoadedTeacher;

beforeAll(() => {
  manualSeed(5);
  teacher = new MetaTeacher(
    bert({ hidden_size: 8, num_hidden_layers: 4, num_attention_heads: 4, intermediate_size: 12 }),
    3,
  );
  teacher.to({ dtype: 'float64' }).eval();
  student = bert({ hidden_size: 6, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 8 });
  inputs = {
    inputIds: tensor(
      [
        [2, 5, 6, 7, 3],
        [2, 8, 3, 0, 0],
      ],
      int64,
    ),
    attentionMask: tensor(
      [
        [1, 1, 1, 1, 1],
        [1, 1, 1, 0, 0],
      ],
      { dtype: 'bool' },
    ),
    labels: tensor([0, 1], int64),
    domains: tensor([2, 0], int64),
    instanceWeights: tensor([0.9, 0.2], { dtype: 'float64' }),
  };
  taught = {
    ...{ model: teacher, domains: ['a', 'b', 'c'] },
    ...{ forward: (x) => teacher.forward(x), traces: (x) => teacher.traces(x), dispose: () => {} },
  };
});

const bridgeOf = (parts: readonly DistillPart[]) => {
  manualSeed(6);
  const bridge = new Bridge(student.config, teacher.config, 3, new Set(parts));
  bridge.to({ dtype: 'float64' });
  return bridge;
};
const row = (i: number) =>
  Object.fromEntries(Object.entries(inputs).map(([name, t]) => [name, t.narrow(0, i, 1)]));

describe('meta-distillation', () => {
  it.each([[DISTILL_PARTS], [['hidden', 'output']], [['output']]] as const)(
    'a batch is the mean of its rows, each with its own weight: %s',
    (parts) =>
      tidy(() => {
        const bridge = bridgeOf(parts);
        const objective = studentObjective(taught, bridge, settings);
        const both = objective.loss(student, inputs);
        const single = [0, 1].map((i) => objective.loss(student, row(i)).loss.item());
        expect(both.loss.item()).toBeCloseTo((single[0]! + single[1]!) / 2, 10);
        expect(Object.keys(both.logs!)).toEqual([...parts, 'label', 'weight']);
        // Other weights, another loss: the rows differ, so it matters whose weight is the larger one.
        const swapped = { ...inputs, instanceWeights: inputs.instanceWeights!.flip([0]) };
        expect(Math.abs(objective.loss(student, swapped).loss.item() - both.loss.item())).toBeGreaterThan(
          1e-4,
        );
        bridge.dispose();
      }),
  );

  it('neither padding nor the order of the rows changes the loss', () =>
    tidy(() => {
      const bridge = bridgeOf(DISTILL_PARTS);
      const objective = studentObjective(taught, bridge, settings);
      const value = objective.loss(student, inputs).loss.item();
      const turned = Object.fromEntries(Object.entries(inputs).map(([name, t]) => [name, t.flip([0])]));
      expect(objective.loss(student, turned).loss.item()).toBeCloseTo(value, 10);
      const alone = objective.loss(student, row(1)).loss.item();
      const short = {
        ...row(1),
        inputIds: row(1).inputIds!.narrow(1, 0, 3),
        attentionMask: row(1).attentionMask!.narrow(1, 0, 3),
      };
      expect(objective.loss(student, short).loss.item()).toBeCloseTo(alone, 10);
      const { attentionMask: _, ...whole } = short;
      expect(objective.loss(student, whole).loss.item()).toBeCloseTo(alone, 10);
      bridge.dispose();
    }));

  it('trains student and bridge, never the teacher, with the gradients that differences give', () =>
    tidy(() => {
      const bridge = bridgeOf(DISTILL_PARTS);
      const objective = studentObjective(taught, bridge, settings);
      const trained = objective.groups!(student)[0]!.params;
      expect(new Set(trained)).not.toContain(teacher.parameters()[0]);
      const names = new Map<Tensor, string>([
        ...[...student.namedParameters()].map(([name, p]) => [p, name] as const),
        ...[...bridge.namedParameters()].map(([name, p]) => [p, `bridge.${name}`] as const),
      ]);
      const gradients = grad([objective.loss(student, inputs).loss], trained, { allowUnused: true });
      const value = () => noGrad(() => tidy(() => objective.loss(student, inputs).loss.item()));
      const unused = trained.filter((_, i) => gradients[i] === null).map((p) => names.get(p));
      expect(unused).toEqual([]);
      for (const [k, parameter] of trained.entries()) {
        // The element with the largest gradient: the others of a matrix come from the same formula.
        const g = Array.from(gradients[k]!.contiguous().toTypedArray() as Float64Array);
        const i = g.reduce((best, v, at) => (Math.abs(v) > Math.abs(g[best]!) ? at : best), 0);
        const place = noGrad(() => parameter.detach().reshape([-1]).narrow(0, i, 1));
        const change = (by: number) => noGrad(() => tidy(() => void place.add_(by)));
        const eps = 1e-5;
        change(eps);
        const above = value();
        change(-2 * eps);
        const below = value();
        change(eps);
        const numeric = (above - below) / (2 * eps);
        const error = Math.abs(numeric - g[i]!);
        expect(error, names.get(parameter)).toBeLessThan(1e-7 + 1e-5 * Math.abs(numeric));
      }
      expect(teacher.parameters().every((p) => p.grad === null)).toBe(true);
      bridge.dispose();
    }));

  it('a student that is its teacher has nothing to learn from the layers', () =>
    tidy(() => {
      const plain = new BertForSequenceClassification(teacher.config);
      plain.to({ dtype: 'float64' });
      noGrad(() => {
        const own = teacher.stateDict();
        for (const [name, p] of plain.namedParameters()) p.copy_(own.get(name)!);
      });
      const bridge = new Bridge(teacher.config, teacher.config, 3, new Set(DISTILL_PARTS));
      bridge.to({ dtype: 'float64' });
      noGrad(() => {
        for (const linear of [bridge.hidden!, bridge.embedding!, bridge.domain!]) {
          linear.weight.copy_(eye(8, { dtype: 'float64' }));
          linear.bias!.zero_();
        }
        const own = teacher.domain.stateDict();
        for (const [name, p] of bridge.branch!.namedParameters()) p.copy_(own.get(name)!);
      });
      const { logs } = studentObjective(taught, bridge, settings).loss(plain, inputs);
      for (const part of ['attention', 'hidden', 'embedding', 'domain'])
        expect(logs![part]!.item()).toBeCloseTo(0, 12);
      plain.dispose();
      bridge.dispose();
    }));

  it('asks no label of a row that nobody has labelled', () =>
    tidy(() => {
      const bridge = bridgeOf(DISTILL_PARTS);
      const objective = studentObjective(taught, bridge, settings);
      const labelled = tensor([1, 0], { dtype: 'float32' });
      const value = (labels: number[]) =>
        objective.loss(student, { ...inputs, labelled, labels: tensor(labels, int64) }).loss.item();
      expect(value([0, 1])).toBe(value([0, 0]));
      expect(Math.abs(value([0, 1]) - value([1, 1]))).toBeGreaterThan(1e-4);
      // The teacher's own class stands in for the gold one; all of the rest counts as ever.
      const own = noGrad(() => teacher.forward(inputs).logits.argmax({ dim: -1 })).toArray() as number[];
      expect(classesToKnow(inputs.labels!, labelled, teacher.forward(inputs).logits).toArray()).toEqual([
        0,
        own[1],
      ]);
      const gold = { ...settings, labelLossWeight: 0 };
      const plain = studentObjective(taught, bridge, gold).loss(student, {
        ...inputs,
        labels: tensor([0, own[1]!], int64),
      });
      const struck = studentObjective(taught, bridge, gold).loss(student, { ...inputs, labelled });
      expect(struck.loss.item()).toBeCloseTo(plain.loss.item(), 12);
      bridge.dispose();
    }));

  it('stages choose among the parts', () => {
    const all = [...DISTILL_PARTS];
    expect([...partsOf({ distillStage: 'first', distillParts: all })]).toEqual(all.slice(0, 4));
    expect([...partsOf({ distillStage: 'second', distillParts: all })]).toEqual(['output']);
    expect(() => partsOf({ distillStage: 'first', distillParts: ['output'] })).toThrow(/distillParts/);
  });
});

describe('the meta-teacher', () => {
  it('weights each row: class loss and corrupted domain loss', () =>
    tidy(() => {
      const logits = tensor(
        [
          [0, Math.log(3)],
          [0, 0],
        ],
        { dtype: 'float64' },
      );
      const domainLogits = tensor(
        [
          [0, 0],
          [Math.log(4), 0],
        ],
        { dtype: 'float64' },
      );
      const labels = tensor([1, 0], int64);
      const corrupted = tensor([0, 1], int64);
      const { rows } = teacherLoss({ logits, domainLogits }, { labels, corrupted }, 0.5);
      const expected = [Math.log(4 / 3) + 0.5 * Math.log(2), Math.log(2) + 0.5 * Math.log(5)];
      expect(Array.from(rows.toTypedArray() as Float64Array)).toEqual(
        expected.map((v) => expect.closeTo(v, 12)),
      );
      const weights = tensor([0.9, 0.2], { dtype: 'float64' });
      expect(weightedMean(rows, weights).item()).toBeCloseTo(
        (0.9 * expected[0]! + 0.2 * expected[1]!) / 2,
        12,
      );
    }));

  it('sees the domains of the batch in another order, the same for the same seed', () =>
    tidy(() => {
      const { loss } = teacherObjective({ domainLossWeight: 1, transferWeights: true });
      const values = (seed: number) => {
        manualSeed(seed);
        return Array.from({ length: 6 }, () => loss(teacher, inputs).logs!.domainLoss!.item());
      };
      const drawn = values(1);
      expect(values(1)).toEqual(drawn);
      // Two rows: either order.
      expect(new Set(drawn.map((v) => v.toFixed(9))).size).toBe(2);
    }));

  it('keeps its domain branch through saving, and a plain model begins a new one', async () => {
    const path = join(folder, 'teacher');
    await savePretrained(path, teacher);
    manualSeed(9);
    const plain = await AutoModelForSequenceClassification.fromPretrained(path, { numLabels: 2 });
    const again = new MetaTeacher(plain as BertForSequenceClassification, 3);
    const weight = () => again.domain.dense.weight.toFloat32Array();
    const wanted = tidy(() => Array.from(teacher.domain.dense.weight.toFloat32Array()));
    expect(tidy(() => Array.from(weight()))).not.toEqual(wanted);
    loadDomainBranch(again.domain, path);
    expect(tidy(() => Array.from(weight()))).toEqual(wanted);
    again.dispose();
    const other = new MetaTeacher(
      bert({ hidden_size: 8, num_hidden_layers: 4, num_attention_heads: 4, intermediate_size: 12 }),
      2,
    );
    expect(() => loadDomainBranch(other.domain, path)).toThrow(/another number of domains|domain\./);
    other.dispose();
  });
});
