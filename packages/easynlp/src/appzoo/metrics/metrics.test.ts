import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { displayWidth, Rng, shuffle } from '../../util/index.js';
import {
  accuracy,
  classificationReport,
  crossEntropy,
  f1Score,
  matthewsCorrCoef,
  renderConfusionMatrix,
  renderReport,
  rocAuc,
} from './index.js';

const CLASSES = 4;
const LABELS = ['体育', '财经', 'tech', '娱乐'];
const row = fc.record({
  gold: fc.nat(CLASSES - 1),
  predicted: fc.nat(CLASSES - 1),
  score: fc.integer({ min: -3, max: 3 }),
  logits: fc.tuple(...LABELS.map(() => fc.double({ min: -8, max: 8, noNaN: true }))),
});
const rows = fc.array(row, { minLength: 1, maxLength: 60 });
type Row = { gold: number; predicted: number; score: number; logits: number[] };

/** Every number that the metrics give for these rows. */
function figures(data: readonly Row[]): (number | null)[] {
  const gold = data.map((r) => r.gold);
  const predicted = data.map((r) => r.predicted);
  const logits = data.flatMap((r) => r.logits);
  const report = classificationReport(gold, predicted, LABELS);
  const binary = gold.map((c) => c % 2);
  return [
    report.accuracy,
    ...report.classes.flatMap(({ precision, recall, f1 }) => [precision, recall, f1]),
    ...[report.macro, report.micro, report.weighted].flatMap(({ precision, recall, f1 }) => [
      precision,
      recall,
      f1,
    ]),
    matthewsCorrCoef(gold, predicted),
    crossEntropy(gold, logits, { classes: CLASSES, from: 'logits' }),
    rocAuc(
      binary,
      data.map((r) => r.score),
    ),
    rocAuc(gold, logits, { classes: CLASSES }),
  ];
}

describe('properties', () => {
  it('the order of the rows does not matter', () => {
    fc.assert(
      fc.property(rows, fc.integer(), (data, seed) => {
        const before = figures(data);
        const after = figures(shuffle([...data], new Rng(seed)));
        for (const [i, value] of before.entries()) {
          if (value === null) expect(after[i]).toBeNull();
          else expect(after[i]).toBeCloseTo(value, 10);
        }
      }),
    );
  });

  it('renaming the classes leaves the averages alone', () => {
    fc.assert(
      fc.property(rows, fc.integer(), (data, seed) => {
        const names = shuffle([0, 1, 2, 3], new Rng(seed));
        const renamed = data.map((r) => ({ ...r, gold: names[r.gold]!, predicted: names[r.predicted]! }));
        const of = (list: readonly Row[]) => {
          const gold = list.map((r) => r.gold);
          const predicted = list.map((r) => r.predicted);
          const report = classificationReport(gold, predicted, LABELS);
          return [report.accuracy, report.macro.f1, report.weighted.f1, matthewsCorrCoef(gold, predicted)];
        };
        for (const [i, value] of of(data).entries()) expect(of(renamed)[i]).toBeCloseTo(value, 10);
      }),
    );
  });

  it('every figure is within its bounds and survives JSON', () => {
    fc.assert(
      fc.property(rows, (data) => {
        const values = figures(data);
        expect(JSON.parse(JSON.stringify(values))).toEqual(values);
        const ratios = [...values.slice(0, 1 + 3 * CLASSES + 9), ...values.slice(-2)];
        for (const value of ratios) if (value !== null) expect(value >= 0 && value <= 1).toBe(true);
        const gold = data.map((r) => r.gold);
        const predicted = data.map((r) => r.predicted);
        expect(Math.abs(matthewsCorrCoef(gold, predicted))).toBeLessThanOrEqual(1);
        expect(f1Score(gold, predicted, { average: 'micro' })).toBeCloseTo(accuracy(gold, predicted), 12);
        expect(matthewsCorrCoef(gold, gold)).toBe(new Set(gold).size > 1 ? 1 : 0);
      }),
    );
  });

  it('AUC is the share of pairs in the right order, and turns around with the scores', () => {
    fc.assert(
      fc.property(rows, (data) => {
        const gold = data.map((r) => r.gold % 2);
        const scores = data.map((r) => r.score);
        let wins = 0;
        let pairs = 0;
        for (const [i, positive] of gold.entries()) {
          for (const [j, other] of gold.entries()) {
            if (positive !== 1 || other !== 0) continue;
            pairs++;
            wins += scores[i]! > scores[j]! ? 1 : scores[i] === scores[j] ? 0.5 : 0;
          }
        }
        const auc = rocAuc(gold, scores);
        if (pairs === 0) expect(auc).toBeNull();
        else {
          expect(auc).toBeCloseTo(wins / pairs, 12);
          expect(
            rocAuc(
              gold,
              scores.map((s) => -s),
            ),
          ).toBeCloseTo(1 - auc!, 12);
          expect(rocAuc(gold, scores, { positive: 0 })).toBeCloseTo(1 - auc!, 12);
        }
      }),
    );
  });
});

it('cross entropy from logits stays finite where probabilities would be 0', () => {
  expect(crossEntropy([0], [-900, 900], { classes: 2, from: 'logits' })).toBe(1800);
  expect(crossEntropy([1], Float32Array.of(1, 0), { classes: 2, from: 'probabilities' })).toBeCloseTo(
    23 * Math.LN2,
    6,
  );
});

describe('bad input', () => {
  it('is refused with the row and what was expected', () => {
    expect(() => accuracy([0, 1], [0])).toThrow('2 gold classes but 1 predictions');
    expect(() => accuracy([], [])).toThrow('at least one row');
    expect(() => classificationReport([0, 2], [0, 1], ['a', 'b'])).toThrow(
      'The gold class of row 1 is 2: expected an integer from 0 to 1',
    );
    expect(() => classificationReport([0, 1], [0, -1], ['a', 'b'])).toThrow(
      'The predicted class of row 1 is -1',
    );
    expect(() => rocAuc([0, 1], [0.5, Number.NaN])).toThrow('The score of row 1 is NaN');
    expect(() => rocAuc([0, 1, 2], [0.5, 1, 2], { classes: 3 })).toThrow(
      '3 gold classes but 1 rows of 3 scores',
    );
    expect(() => crossEntropy([0, 1], [0.5, 0.5], { classes: 2, from: 'logits' })).toThrow(
      '2 gold classes but 1 rows',
    );
  });
});

describe('text', () => {
  const report = classificationReport([0, 0, 1, 1, 1], [0, 1, 1, 1, 0], ['差评', 'good 好评']);

  it('renders the report with Chinese labels aligned', () => {
    expect(renderReport(report)).toBe(
      [
        '              precision  recall      F1  support',
        '────────────  ─────────  ──────  ──────  ───────',
        '差评             0.5000  0.5000  0.5000        2',
        'good 好评        0.6667  0.6667  0.6667        3',
        '',
        'accuracy                         0.6000        5',
        'macro avg        0.5833  0.5833  0.5833        5',
        'weighted avg     0.6000  0.6000  0.6000        5',
      ].join('\n'),
    );
  });

  it('renders the confusion matrix', () => {
    const text = renderConfusionMatrix(report.confusion, ['差评', 'good 好评']);
    expect(text.split('\n')).toEqual([
      'gold \\ predicted  差评  good 好评',
      '────────────────  ────  ─────────',
      '差评                 1          1',
      'good 好评            1          2',
    ]);
    expect(new Set(text.split('\n').map(displayWidth)).size).toBe(1);
  });
});
