import { gradCheck, type Tensor, tensor, tidy } from '@easynlp/torch';
import { describe, expect, it } from 'vitest';
import {
  circleLoss,
  contrastiveLoss,
  cosentBinaryLoss,
  cosentLoss,
  cosineLoss,
  hingeLoss,
  infoNceLoss,
  similarityMseLoss,
  supConLoss,
} from './losses.js';

const S = [0.9, 0.35, 0.8, -0.2, 0.55];
const Y = [1, 1, 0, 0, 0];
const f64 = (values: number[] | number[][], requiresGrad = false) =>
  tensor(values as number[], { dtype: 'float64', requiresGrad });
const ids = (values: number[]) => tensor(values, { dtype: 'int64' });
const value = (fn: () => Tensor): number => tidy(() => fn().item());
const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
const unit = (row: number[]) => row.map((x) => x / Math.hypot(...row));
const dot = (a: number[], b: number[]) => sum(a.map((x, i) => x * b[i]!));
const positives = S.filter((_, i) => Y[i] === 1);
const negatives = S.filter((_, i) => Y[i] === 0);

/** What each formula says, in plain arithmetic. */
const PAIR_LOSSES: [string, (s: Tensor, y: Tensor) => Tensor, number][] = [
  ['hinge', (s, y) => hingeLoss(s, y, 0.4), mean([0.1, 0.65, 0.2, 0, 0])],
  ['cosine', (s, y) => cosineLoss(s, y, 0.5), mean([0.1, 0.65, 0.3, 0, 0.05])],
  [
    'contrastive',
    (s, y) => contrastiveLoss(s, y, 0.5),
    mean([0.5 * 0.01, 0.5 * 0.65 ** 2, 0.5 * 0.3 ** 2, 0, 0.5 * 0.05 ** 2]),
  ],
  [
    'balanced hinge',
    (s, y) => hingeLoss(s, y, 0.4, { balanced: true }),
    0.5 * mean([0.1, 0.65]) + 0.5 * mean([0.2, 0, 0]),
  ],
  [
    'circle',
    (s, y) => circleLoss(s, y, 0.25, 8),
    Math.log(
      1 +
        sum(negatives.map((s) => Math.exp(8 * Math.max(0, s + 0.25) * (s - 0.25)))) *
          sum(positives.map((s) => Math.exp(-8 * Math.max(0, 1.25 - s) * (s - 0.75)))),
    ),
  ],
  [
    'CoSENT',
    (s, y) => cosentLoss(s, y, 20),
    Math.log(1 + sum(positives.flatMap((p) => negatives.map((n) => Math.exp(20 * (n - p)))))),
  ],
  [
    'CoSENT of two classes',
    (s, y) => cosentBinaryLoss(s, y, 20),
    Math.log(1 + sum(positives.flatMap((p) => negatives.map((n) => Math.exp(20 * (n - p)))))),
  ],
  ['mean squared error', (s, y) => similarityMseLoss(s, y), mean(S.map((s, i) => (s - Y[i]!) ** 2))],
];

describe('losses of pairs', () => {
  it.each(PAIR_LOSSES)('%s is what its formula says', (_, loss, expected) => {
    expect(value(() => loss(f64(S), f64(Y)))).toBeCloseTo(expected, 10);
  });

  it.each(PAIR_LOSSES)('%s has the gradient of finite differences', (name, loss) => {
    // The weights of the circle loss are constants: its differences would see them move (tested below).
    if (name === 'circle') return;
    tidy(() => gradCheck((s) => loss(s!, f64(Y)), [f64(S, true)]));
  });

  it('the gradient of circle is that of the loss with its weights fixed', () => {
    tidy(() => {
      const fixedP = S.map((s) => Math.max(0, 1.25 - s));
      const fixedN = S.map((s) => Math.max(0, s + 0.25));
      const term = (s: number, i: number) =>
        Y[i] === 1 ? Math.exp(-8 * fixedP[i]! * (s - 0.75)) : Math.exp(8 * fixedN[i]! * (s - 0.25));
      const fixed = (values: number[]) => {
        const terms = values.map(term);
        return Math.log(
          1 + sum(terms.filter((_, i) => Y[i] === 0)) * sum(terms.filter((_, i) => Y[i] === 1)),
        );
      };
      const s = f64(S, true);
      circleLoss(s, f64(Y), 0.25, 8).backward();
      const found = s.grad!.toArray() as number[];
      for (const [i, own] of found.entries()) {
        const at = (step: number) => fixed(S.map((x, j) => (j === i ? x + step : x)));
        expect(own).toBeCloseTo((at(1e-5) - at(-1e-5)) / 2e-5, 6);
      }
    });
  });

  it('CoSENT orders pairs by scores, too', () => {
    const scores = [0, 2, 2, 5];
    const s = [0.3, 0.2, 0.9, 0.1];
    const terms = scores.flatMap((a, i) =>
      scores.flatMap((b, j) => (a > b ? [Math.exp(5 * (s[j]! - s[i]!))] : [])),
    );
    expect(value(() => cosentLoss(f64(s), f64(scores), 5))).toBeCloseTo(Math.log(1 + sum(terms)), 10);
    tidy(() => gradCheck((x) => cosentLoss(x!, f64(scores), 5), [f64(s, true)]));
  });

  it.each(PAIR_LOSSES)(
    '%s of pairs of one kind, or of none, is finite, and so is its gradient',
    (_, loss) => {
      for (const labels of [[1, 1], [0, 0], []]) {
        tidy(() => {
          const s = tensor(
            labels.map((_, i) => 0.4 + 0.2 * i),
            { requiresGrad: true },
          );
          const l = loss(s, tensor(labels as number[], { dtype: 'float32' }));
          expect(Number.isFinite(l.item())).toBe(true);
          l.backward();
          for (const g of s.grad!.toArray() as number[]) expect(Number.isFinite(g)).toBe(true);
        });
      }
    },
  );

  it('labels matter: EasyNLP takes the second vectors for them', () => {
    for (const [, loss] of PAIR_LOSSES) {
      const swapped = Y.map((y) => 1 - y);
      expect(value(() => loss(f64(S), f64(Y)))).not.toBeCloseTo(
        value(() => loss(f64(S), f64(swapped))),
        3,
      );
    }
  });

  it('numbers that overflow exp give the right loss', () => {
    expect(value(() => cosentLoss(tensor([-1, 1]), tensor([1, 0], { dtype: 'float32' }), 500))).toBeCloseTo(
      1000,
      2,
    );
    expect(
      value(() => circleLoss(tensor([-1, 1]), tensor([1, 0], { dtype: 'float32' }), 0.25, 256)),
    ).toBeGreaterThan(1000);
  });
});

const A = [
  [1, 0.2, 0],
  [0.1, 1, 0.3],
  [-0.5, 0.2, 1],
].map(unit);
const B = [
  [0.9, 0.1, 0.4],
  [0, 0.8, -0.6],
  [0.3, 0.3, 0.9],
].map(unit);
const C = [
  [0.2, -0.9, 0.1],
  [0.7, 0.7, 0],
].map(unit);
const T = 0.1;
const e = (a: number[], b: number[]) => Math.exp(dot(a, b) / T);

describe('InfoNCE', () => {
  const inputs = (labels: number[], groups: number[], firstGroups = [0, 1, 2]) => ({
    second: f64(B),
    labels: f64(labels),
    firstGroups: ids(firstGroups),
    groups: ids(groups),
  });
  const loss = (labels: number[], groups: number[], negatives?: number[][], firstGroups?: number[]) =>
    value(() =>
      infoNceLoss(
        {
          first: f64(A),
          ...inputs(labels, groups, firstGroups),
          ...(negatives ? { negatives: f64(negatives) } : {}),
        },
        T,
      ),
    );
  const nll = (i: number, others: number[][]) =>
    -Math.log(e(A[i]!, B[i]!) / (e(A[i]!, B[i]!) + sum(others.map((o) => e(A[i]!, o)))));

  it('takes the other second texts as negatives', () => {
    const expected = mean([nll(0, [B[1]!, B[2]!]), nll(1, [B[0]!, B[2]!]), nll(2, [B[0]!, B[1]!])]);
    expect(loss([1, 1, 1], [0, 1, 2])).toBeCloseTo(expected, 10);
  });

  it('takes second texts of non-matching pairs as negatives only, and a third column of hard ones', () => {
    expect(loss([1, 0, 1], [0, 1, 2])).toBeCloseTo(
      mean([nll(0, [B[1]!, B[2]!]), nll(2, [B[0]!, B[1]!])]),
      10,
    );
    const withHard = mean([0, 1, 2].map((i) => nll(i, [...B.filter((_, j) => j !== i), ...C])));
    expect(loss([1, 1, 1], [0, 1, 2, 3, 4], C)).toBeCloseTo(withHard, 10);
  });

  it('never takes a text that matches for a negative', () => {
    // Text 2 is a copy of text 0's positive; and with equal first texts, both second texts are positives of both.
    const copies = mean([nll(0, [B[1]!]), nll(1, [B[0]!, B[2]!]), nll(2, [B[1]!])]);
    expect(loss([1, 1, 1], [0, 1, 0])).toBeCloseTo(copies, 10);
    const sameQuery = mean([nll(0, [B[1]!]), nll(1, [B[0]!, B[2]!]), nll(2, [B[1]!])]);
    expect(loss([1, 1, 1], [0, 1, 2], undefined, [0, 1, 0])).toBeCloseTo(sameQuery, 10);
    // … but a labelled negative of the same first text stays one.
    expect(loss([1, 1, 0], [0, 1, 2], undefined, [0, 1, 0])).toBeCloseTo(
      mean([nll(0, [B[1]!, B[2]!]), nll(1, [B[0]!, B[2]!])]),
      10,
    );
  });

  it('of a batch without positives is 0 and has a gradient of 0', () => {
    tidy(() => {
      const first = f64(A, true);
      const l = infoNceLoss({ first, ...inputs([0, 0, 0], [0, 1, 2]) }, T);
      l.backward();
      expect(l.item()).toBe(0);
      expect(sum((first.grad!.toArray() as number[][]).flat().map(Math.abs))).toBe(0);
    });
  });

  it('has the gradient of finite differences', () => {
    tidy(() =>
      gradCheck(
        (first, second, negatives) =>
          infoNceLoss(
            {
              ...inputs([1, 0, 1], [0, 1, 2, 3, 4]),
              first: first!,
              second: second!,
              negatives: negatives!,
            },
            T,
          ),
        [f64(A, true), f64(B, true), f64(C, true)],
      ),
    );
  });
});

describe('supervised contrastive loss', () => {
  const V = [...A, ...C];
  const classes = [0, 1, 0, 1, 2];

  it('is what its formula says; a class of one text has no part in it', () => {
    const losses = [0, 1, 2, 3].map((i) => {
      const rest = V.map((_, j) => j).filter((j) => j !== i);
      const all = sum(rest.map((j) => e(V[i]!, V[j]!)));
      return -mean(rest.filter((j) => classes[j] === classes[i]).map((j) => Math.log(e(V[i]!, V[j]!) / all)));
    });
    expect(value(() => supConLoss(f64(V), ids(classes), T))).toBeCloseTo(mean(losses), 10);
    tidy(() => gradCheck((v) => supConLoss(v!, ids(classes), T), [f64(V, true)]));
  });

  it('is 0 where no class has two texts', () => {
    expect(value(() => supConLoss(f64(A), ids([0, 1, 2]), T))).toBe(0);
    expect(value(() => supConLoss(f64(A.slice(0, 1)), ids([0]), T))).toBe(0);
  });
});
