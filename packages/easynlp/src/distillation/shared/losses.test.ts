import { noGrad, type Tensor, tensor, tidy } from '@easynlp/torch';
import { describe, expect, it } from 'vitest';
import { KdLoss } from './kd-loss.js';
import { agreement } from './logits-rows.js';
import { hardLoss, logitsKind, softLoss } from './losses.js';
import { changed } from './schedule.js';

// Worked out with numpy from EasyNLP's formula.
const STUDENT = [
  [2, 0.5],
  [-0.3, 1.2],
  [0.1, 0],
];
const TEACHER = [
  [3, -1],
  [0.5, 0.7],
  [-2, 1],
];
const GOLD = [0, 1, 1];

const kd = (alpha: number, temperature: number) =>
  new KdLoss({ alpha: { start: alpha }, temperature: { start: temperature }, device: 'cpu' });
const ints = (values: number[]) => tensor(values, { dtype: 'int64' });
const floats = (values: number[] | number[][]) => tensor(values);

function value(loss: KdLoss, student: number[][], labelled: number[] | null = null): number {
  const at = tidy(() =>
    loss.forward(floats(student), floats(TEACHER), ints(GOLD), labelled && floats(labelled)).loss.item(),
  );
  loss.dispose();
  return at;
}

describe('vanilla distillation', () => {
  it.each([
    [0.2, 1, 0.291859, 0.364298],
    [0.2, 5, 0.688887, 0.443704],
    [0.5, 1, 0.291859, 0.337133],
    [0.25, 10, 0.720174, 0.466849],
  ])('α %d, T %d: soft %d, total %d', (alpha, temperature, soft, total) => {
    const loss = kd(alpha, temperature);
    const parts = loss.forward(floats(STUDENT), floats(TEACHER), ints(GOLD), null);
    expect(parts.soft.item()).toBeCloseTo(soft, 5);
    expect(parts.hard.item()).toBeCloseTo(0.382408, 5);
    expect(parts.loss.item()).toBeCloseTo(total, 5);
    loss.dispose();
  });

  it('counts the teacher alone for rows without a label', () => {
    expect(value(kd(0.2, 5), STUDENT, [1, 1, 1])).toBeCloseTo(0.443704, 5);
    expect(value(kd(0.2, 5), STUDENT, [0, 0, 0])).toBeCloseTo(0.688887, 5);
    const rows = STUDENT.map((_, r) =>
      value(
        kd(0.2, 5),
        STUDENT,
        [0, 1, 2].map((i) => (i === r ? 1 : 0)),
      ),
    );
    // Each label adds its own part: three rows with one label each are two times none and one time all.
    expect(rows.reduce((a, b) => a + b) - 2 * 0.688887).toBeCloseTo(0.443704, 4);
  });

  it('weights rows, and gives a part of the gold labels to a made-up teacher', () => {
    const parts = (settings: { alpha: number; smooth?: { weight: number; probability: number } }) => {
      const { alpha, ...more } = settings;
      return new KdLoss({ alpha: { start: alpha }, temperature: { start: 5 }, device: 'cpu', ...more });
    };
    const of = (loss: KdLoss, labelled: number[] | null, weights: number[] | null) => {
      const inputs = [floats(STUDENT), floats(TEACHER), ints(GOLD)] as const;
      const at = tidy(() =>
        loss.forward(...inputs, labelled && floats(labelled), weights && floats(weights)).loss.item(),
      );
      loss.dispose();
      return at;
    };
    const single = [0, 1, 2].map((row) =>
      of(
        parts({ alpha: 0.2 }),
        null,
        [0, 1, 2].map((i) => (i === row ? 3 : 0)),
      ),
    );
    expect(single.reduce((a, b) => a + b) / 3).toBeCloseTo(0.443704, 5);
    expect(of(parts({ alpha: 0.2 }), null, [1, 0.5, 0])).toBeCloseTo((single[0]! + single[1]! / 2) / 3, 5);
    // Worked out by hand: T²·KL(p ‖ s) at T 5, p = softmax(log(.9, .1) / 5), gold first in row 1 and last in 2 and 3.
    const tempered = (gold: number) => {
      const [a, b] = [0.9 ** 0.2, 0.1 ** 0.2];
      const [p, q] = [a / (a + b), b / (a + b)];
      return gold === 0 ? [p, q] : [q, p];
    };
    const extra = STUDENT.map((row, r) => {
      const exps = row.map((x) => Math.exp(x / 5));
      const sum = exps.reduce((a, b) => a + b);
      const s = exps.map((x) => x / sum);
      return 25 * tempered(GOLD[r]!).reduce((total, p, i) => total + p * Math.log(p / s[i]!), 0);
    });
    const made = extra.reduce((a, b) => a + b) / 3;
    const smooth = { weight: 0.3, probability: 0.9 };
    const expected = 0.2 * 0.688887 + 0.3 * made + 0.5 * 0.382408;
    expect(of(parts({ alpha: 0.2, smooth }), null, null)).toBeCloseTo(expected, 4);
    // A row without a label has no gold label to be fairly sure of.
    expect(of(parts({ alpha: 0.2, smooth }), [0, 0, 0], null)).toBeCloseTo(0.688887, 5);
  });

  it('agreement is 1 for teachers of one mind, 0 where they exclude each other', () => {
    const table = (rows: number[][]) => ({
      data: Float32Array.from(rows.flat()),
      rows: rows.length,
      width: rows[0]!.length,
    });
    const some = table([
      [2, -1, 0],
      [0, 0, 0],
      [90, 0, 0],
    ]);
    expect([...agreement(some, some)]).toEqual([1, 1, 1]);
    const other = table([
      [5, 2, 3],
      [0, 0, 60],
      [0, 90, 0],
    ]);
    const [shifted, half, never] = agreement(some, other);
    expect(shifted).toBeCloseTo(1, 6);
    // p = (1/3, 1/3, 1/3), q = (0, 0, 1): JS = ½·(log 3 + …), by hand.
    const m = [1 / 6, 1 / 6, 2 / 3];
    const js = (m.reduce((sum, x) => sum + Math.log(1 / 3 / x) / 3, 0) + Math.log(1 / m[2]!)) / 2;
    expect(half).toBeCloseTo(1 - js / Math.LN2, 5);
    expect(never).toBeCloseTo(0, 6);
    expect([...agreement(other, some)]).toEqual([...agreement(some, other)]);
  });

  it.each(['classes', 'labels', 'value'] as const)('%s: gradients equal finite differences', (kind) => {
    const width = kind === 'value' ? 1 : 2;
    const cut = (rows: number[][]) => rows.map((row) => row.slice(0, width));
    const gold = {
      classes: () => ints(GOLD),
      labels: () =>
        floats([
          [1, 0],
          [1, 1],
          [0, 0],
        ]),
      value: () => floats([0.5, -1, 2]),
    }[kind];
    const at = (rows: number[][]): Tensor => tensor(rows, { dtype: 'float64' });
    const total = (x: Tensor) =>
      softLoss(x, at(cut(TEACHER)), kind, tensor(3, { dtype: 'float64' }))
        .mul(0.6)
        .add(hardLoss(x, kind === 'classes' ? gold() : gold().to({ dtype: 'float64' }), kind).mul(0.4))
        .mean();
    const x = tensor(cut(STUDENT), { dtype: 'float64', requiresGrad: true });
    total(x).backward();
    const gradient = x.grad!.toArray() as number[][];
    const step = 1e-5;
    for (let r = 0; r < 3; r++) {
      for (let c = 0; c < width; c++) {
        const moved = (by: number) => {
          const rows = cut(STUDENT);
          rows[r]![c]! += by;
          return noGrad(() => total(at(rows)).item());
        };
        expect(gradient[r]![c]).toBeCloseTo((moved(step) - moved(-step)) / (2 * step), 6);
      }
    }
    expect(logitsKind(gold())).toBe(kind);
  });

  it('is zero, with no gradient, for a student that says what its teacher says', () => {
    for (const kind of ['classes', 'labels', 'value'] as const) {
      const x = tensor(TEACHER, { requiresGrad: true });
      const loss = softLoss(x, floats(TEACHER), kind, tensor(2)).mean();
      expect(loss.item()).toBeCloseTo(0, 6);
      loss.backward();
      for (const g of (x.grad!.toArray() as number[][]).flat()) expect(g).toBeCloseTo(0, 6);
    }
  });

  it('does not depend on the order of the rows', () => {
    const order = [2, 0, 1];
    const mixed = <T>(rows: T[]) => order.map((r) => rows[r]!);
    const one = kd(0.3, 4);
    const a = one.forward(floats(STUDENT), floats(TEACHER), ints(GOLD), floats([1, 0, 1])).loss.item();
    const b = one
      .forward(floats(mixed(STUDENT)), floats(mixed(TEACHER)), ints(mixed(GOLD)), floats(mixed([1, 0, 1])))
      .loss.item();
    expect(b).toBeCloseTo(a, 6);
    one.dispose();
  });

  it('changes temperature and α linearly', () => {
    const at = (step: number) => changed({ start: 8, end: 2 }, { step, totalSteps: 7, epoch: 0 });
    expect([0, 1, 3, 6, 7].map(at)).toEqual([8, 7, 5, 2, 2]);
    expect(changed({ start: 3 }, { step: 5, totalSteps: 7, epoch: 0 })).toBe(3);
    const loss = new KdLoss({
      alpha: { start: 1, end: 0.2 },
      temperature: { start: 1, end: 5 },
      device: 'cpu',
    });
    loss.beforeStep({ step: 9, totalSteps: 10, epoch: 0 });
    expect(value(loss, STUDENT)).toBeCloseTo(0.443704, 5);
  });
});
