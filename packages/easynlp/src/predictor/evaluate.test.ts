import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { evaluate } from './evaluate.js';
import { reviews, trainTiny, workFolder, writeTsv } from './models.fixture.js';
import { predict } from './predict.js';

const folder = workFolder('evaluate');
let model = '';
beforeAll(async () => {
  model = await trainTiny(folder, 'text-cnn');
});
const here = { device: 'cpu', numThreads: 2 } as const;

/** Rows whose labels are sometimes wrong, so that no figure is trivial. */
const noisy = (count: number) =>
  reviews(count).map((row, i) => ({
    ...row,
    label: i % 5 === 3 ? (row.label === '好评' ? '差评' : '好评') : row.label,
  }));

describe('evaluate', () => {
  it('gives the figures that follow from the predictions', async () => {
    const data = writeTsv(join(folder, 'dev.tsv'), noisy(131));
    const output = join(folder, 'figures.json');
    const result = await evaluate({ model, data, output, ...here });
    const predictions = join(folder, 'predictions.tsv');
    const outputSchema = ['predictions', 'logits'];
    await predict({
      model,
      input: [data],
      output: predictions,
      outputSchema,
      appendCols: ['label'],
      ...here,
    });
    const rows = readFileSync(predictions, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t') as [string, string, string]);
    expect(result.rows).toBe(131);

    const labels = ['好评', '差评'];
    const count = (predicted: string, gold: string) =>
      rows.filter(([p, , g]) => p === predicted && g === gold).length;
    const [tp, fp, fn, tn] = [
      count('差评', '差评'),
      count('差评', '好评'),
      count('好评', '差评'),
      count('好评', '好评'),
    ];
    const f1 = (2 * tp) / (2 * tp + fp + fn);
    const other = (2 * tn) / (2 * tn + fp + fn);
    const { metrics } = result;
    expect(metrics.accuracy).toBeCloseTo((tp + tn) / 131, 12);
    expect(metrics.micro_f1).toBeCloseTo((tp + tn) / 131, 12);
    expect(metrics.f1).toBeCloseTo(f1, 12);
    expect(metrics.macro_f1).toBeCloseTo((f1 + other) / 2, 12);
    const mcc = (tp * tn - fp * fn) / Math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn));
    expect(metrics.mcc).toBeCloseTo(mcc, 12);
    const losses = rows.map(([, logits, gold]) => {
      const values = logits.split(',').map(Number);
      const sum = values.reduce((total, value) => total + Math.exp(value), 0);
      return Math.log(sum) - values[labels.indexOf(gold)]!;
    });
    expect(metrics.loss).toBeCloseTo(losses.reduce((a, b) => a + b) / 131, 5);
    // AUC by its definition: the share of pairs that are in the right order.
    const scores = rows.map(([, logits, gold]) => {
      const [a, b] = logits.split(',').map(Number) as [number, number];
      return { score: b - a, positive: gold === '差评' };
    });
    let wins = 0;
    let pairs = 0;
    for (const p of scores.filter((s) => s.positive)) {
      for (const n of scores.filter((s) => !s.positive)) {
        pairs++;
        wins += p.score > n.score ? 1 : p.score === n.score ? 0.5 : 0;
      }
    }
    expect(metrics.auc).toBeCloseTo(wins / pairs, 3);
    expect(result.report).toContain('差评');
    expect(JSON.parse(readFileSync(output, 'utf8'))).toMatchObject({ rows: 131, metrics });
  });

  it('gives the same figures for every batch size', async () => {
    const data = writeTsv(join(folder, 'batches.tsv'), noisy(70));
    const [one, many, budget] = await Promise.all([
      evaluate({ model, data, batchSize: 1, ...here }),
      evaluate({ model, data, batchSize: 64, ...here }),
      evaluate({ model, data, tokenBudget: 256, ...here }),
    ]);
    for (const other of [many!, budget!]) {
      for (const [name, value] of Object.entries(one!.metrics)) {
        expect(other.metrics[name], name).toBeCloseTo(value!, 5);
      }
    }
  });

  it('takes one row, and figures without a value are null', async () => {
    const data = writeTsv(join(folder, 'one.tsv'), [{ label: '好评', text: '好吃' }]);
    const { rows, metrics } = await evaluate({ model, data, ...here });
    expect(rows).toBe(1);
    expect(metrics.auc).toBeNull();
    expect([0, 1]).toContain(metrics.accuracy);
  });

  it('names file, line and column of a wrong label, and the column that is missing', async () => {
    const rows = reviews(4);
    rows[2]!.label = '好';
    const data = writeTsv(join(folder, 'label.tsv'), rows);
    await expect(evaluate({ model, data, ...here })).rejects.toMatchObject({
      code: 'DATA_LABEL_UNKNOWN',
      message: expect.stringMatching(/label\.tsv, line 4, column "label": the label "好"/),
    });
    const bare = writeTsv(join(folder, 'nolabel.tsv'), [{ text: '好', lable: '好评' }]);
    await expect(evaluate({ model, data: bare, ...here })).rejects.toMatchObject({
      code: 'DATA_COLUMN_UNKNOWN',
      message: expect.stringMatching(/column "label": no such column. Did you mean "lable"/),
    });
    expect((await evaluate({ model, data: bare, labelName: 'lable', ...here })).rows).toBe(1);
    writeFileSync(join(folder, 'zero.tsv'), '');
    await expect(evaluate({ model, data: join(folder, 'zero.tsv'), ...here })).rejects.toMatchObject({
      code: 'DATA_EMPTY',
    });
  });
});
