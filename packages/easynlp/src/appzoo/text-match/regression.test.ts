import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { evaluate } from '../../predictor/evaluate.js';
import { questionPairs, tiny, workFolder, writeTsv } from '../../predictor/models.fixture.js';
import { pipeline } from '../../predictor/pipeline.js';
import { predict } from '../../predictor/predict.js';
import { train } from '../../trainer/train.js';

const folder = workFolder('text-match-regression');
const at = (name: string) => join(folder, name);
const app = 'text_match_regression';
let data = '';
beforeAll(() => {
  data = writeTsv(
    at('scores.tsv'),
    questionPairs(48).map((row) => ({ ...row, label: row.label === '1' ? '4.5' : '0.5' })),
  );
});

describe('one tower with scores', () => {
  it('learns them, measures them and gives them in their units', async () => {
    const model = at('model');
    const { metrics } = await train({
      ...tiny('bert'),
      maxSteps: 100,
      layers: 1,
      numThreads: 1,
      app,
      train: data,
      dev: data,
      output: model,
    });
    expect(metrics.spearman).toBeGreaterThan(0.6);
    expect(metrics.pearson).toBeGreaterThan(0.6);
    const again = await evaluate({ model, data });
    expect(again.metrics.mse).toBeCloseTo(metrics.mse!, 4);
    const score = await pipeline(app, model);
    const pairs: [string, string][] = [
      ['花呗怎么还款', '请问花呗怎么还款'],
      ['', ''],
      ['😀', '很长'.repeat(300)],
    ];
    const together = await score(pairs);
    for (const [i, pair] of pairs.entries()) {
      expect((await score([pair]))[0]!.score).toBeCloseTo(together[i]!.score, 4);
    }
    expect(together[0]!.score).toBeGreaterThan(1);
    score.dispose();
    const output = at('out.tsv');
    await predict({ model, input: [data], output });
    expect(readFileSync(output, 'utf8').trimEnd().split('\n').map(Number).every(Number.isFinite)).toBe(true);
    expect(JSON.parse(readFileSync(join(model, 'config.json'), 'utf8')).problem_type).toBe('regression');
  });

  it('refuses labels that are no numbers, and scores that are all alike', async () => {
    const rows = questionPairs(4);
    const words = writeTsv(
      at('words.tsv'),
      rows.map((row) => ({ ...row, label: '像' })),
    );
    const run = (path: string) => train({ ...tiny('bert'), app, train: path, output: at('no') });
    await expect(run(words)).rejects.toThrow(/words\.tsv, line 2, column "label": "像" is not a number/);
    const alike = writeTsv(
      at('alike.tsv'),
      rows.map((row) => ({ ...row, label: '3' })),
    );
    await expect(run(alike)).rejects.toMatchObject({ code: 'DATA_LABELS' });
  });
});
