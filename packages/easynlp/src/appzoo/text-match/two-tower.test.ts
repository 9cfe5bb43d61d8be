import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { amp, arange, ones, tensor, tidy } from '@easynlp/torch';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseConfig, type TrainConfig, type TrainOptions } from '../../config/index.js';
import { openTable } from '../../datahub/index.js';
import { AutoModel, bertPreset } from '../../modelzoo/index.js';
import { evaluate } from '../../predictor/evaluate.js';
import { questionPairs, reviews, tiny, workFolder, writeTsv } from '../../predictor/models.fixture.js';
import { type Pipeline, pipeline } from '../../predictor/pipeline.js';
import { predict } from '../../predictor/predict.js';
import { train } from '../../trainer/train.js';
import type { TextSimilarity, TextVector } from './index.js';
import { textMatchTwoTower } from './two-tower.js';
import { twoTowerLoss } from './two-tower-loss.js';
import { siamesePairs } from './two-tower-metrics.js';
import { twoTowerModel } from './two-tower-model.js';
import { LOSS_SETTINGS, TWO_TOWER_LOSSES, twoTowerOptions } from './two-tower-options.js';

const folder = workFolder('two-tower');
const at = (name: string) => join(folder, name);
const APP = 'text_match_two_tower';
type Extra = Record<string, unknown>;
const options = (extra: Extra) =>
  ({
    ...tiny('bert'),
    layers: 1,
    hiddenSize: 16,
    intermediateSize: 32,
    numThreads: 1,
    maxSteps: 30,
    app: APP,
    ...extra,
  }) as unknown as TrainOptions;

let data = '';
let scored = '';
let texts = '';
beforeAll(() => {
  data = writeTsv(at('pairs.tsv'), questionPairs(48));
  scored = writeTsv(
    at('scores.tsv'),
    questionPairs(48).map(({ label, ...row }, i) => ({ ...row, label: String(Number(label) * 4 + (i % 2)) })),
  );
  texts = writeTsv(at('texts.tsv'), reviews(48));
});

async function specOf(path: string, extra: Extra = {}) {
  const config = parseConfig(
    'train',
    options({ train: path, output: at('unused'), ...extra }),
    twoTowerOptions,
  ) as TrainConfig;
  return textMatchTwoTower.prepare(config, await openTable(path, { format: config.format }));
}

describe('what a task may combine', () => {
  it('settings belong to their losses', async () => {
    for (const loss of TWO_TOWER_LOSSES) {
      const spec = await specOf(data, loss === 'infonce' ? { loss, gold: 'none' } : { loss });
      expect(spec.loss).toEqual({ name: loss, ...LOSS_SETTINGS[loss] });
      for (const key of ['margin', 'gamma', 'scale', 'temperature'] as const) {
        if (key in LOSS_SETTINGS[loss]) {
          expect((await specOf(data, { loss, [key]: 0.7 })).loss[key]).toBe(0.7);
        } else {
          await expect(specOf(data, { loss, [key]: 0.7 })).rejects.toThrow(`loss ${loss} has no ${key}`);
        }
      }
    }
  });

  it.each<[string, Extra, RegExp]>([
    ['scores and a loss of classes', { gold: 'scores', loss: 'circle' }, /needs classes, not scores/],
    ['no labels and a loss that needs them', { gold: 'none', loss: 'cosent' }, /needs labels/],
    [
      'a negative for another loss',
      { negativeSequence: 'sentence2', loss: 'hinge' },
      /no meaning for loss hinge/,
    ],
    ['siamese pairs', { siamese: true, secondSequence: 'sentence2' }, /exclude each other/],
    ['siamese scores', { siamese: true, gold: 'scores' }, /siamese needs classes/],
    ['siamese with two encoders', { siamese: true, encoders: 'separate' }, /exclude each other/],
  ])('%s is refused', async (_, extra, message) => {
    await expect(specOf(data, extra)).rejects.toThrow(message);
  });

  it('pairs have two labels, siamese texts any number', async () => {
    const rows = questionPairs(6).map((row, i) => ({ ...row, label: String(i % 3) }));
    const three = writeTsv(at('three.tsv'), rows);
    await expect(specOf(three)).rejects.toMatchObject({ code: 'DATA_LABELS' });
    const siamese = await specOf(three, { siamese: true, firstSequence: 'sentence1' });
    expect(siamese).toMatchObject({ labels: ['0', '1', '2'], secondSequence: null });
  });

  it('a score that is none is named with its place', async () => {
    const path = writeTsv(at('bad-score.tsv'), [
      { sentence1: 'a', sentence2: 'b', label: '1' },
      { sentence1: 'a', sentence2: 'b', label: '好' },
    ]);
    await expect(specOf(path, { gold: 'scores' })).rejects.toThrow(
      /bad-score\.tsv, line 3, column "label": "好"/,
    );
  });
});

describe('training', () => {
  it.each(TWO_TOWER_LOSSES)('learns pairs with %s', async (loss) => {
    const output = at(`loss-${loss}`);
    const { metrics } = await train(options({ loss, train: data, dev: data, output }));
    const values = Object.values(metrics).filter((v) => v !== null);
    expect(values.every(Number.isFinite)).toBe(true);
    expect(metrics.accuracy).toBeGreaterThan(0.7);
    expect(metrics.spearman).toBeGreaterThan(0.4);
    expect(metrics.mrr).toBeGreaterThan(0.3);
  });

  it('computes the loss in full precision when the encoder does not', async () => {
    const spec = await specOf(data, { loss: 'infonce' });
    const model = await twoTowerModel(spec, {
      kind: 'config',
      config: {
        ...bertPreset('tiny', { vocabSize: 60 }),
        hidden_dropout_prob: 0,
        attention_probs_dropout_prob: 0,
      },
    });
    model.train();
    tidy(() => {
      const ids = (from: number) =>
        tensor(
          Array.from({ length: 8 }, (_, i) => [2, from + i, from + ((i * 5) % 11), 3]),
          { dtype: 'int64' },
        );
      const inputs = {
        firstIds: ids(5),
        secondIds: ids(20),
        labels: ones([8]),
        firstGroups: arange(8, { dtype: 'int64' }),
        groups: arange(8, { dtype: 'int64' }),
      };
      const { loss } = amp.autocast({ dtype: 'bfloat16' }, () => model.forward(inputs));
      model.eval();
      const vectors = amp.autocast({ dtype: 'bfloat16' }, () => model.forward(inputs));
      expect(vectors.first!.dtype).toBe('float32');
      const exact = twoTowerLoss(spec, vectors, inputs);
      expect(loss!.item()).toBeCloseTo(exact.item(), 6);
    });
    model.dispose();
  });

  it('learns scores', async () => {
    for (const loss of ['cosent', 'mse']) {
      const output = at(`scores-${loss}`);
      const { metrics } = await train(options({ loss, gold: 'scores', train: scored, dev: scored, output }));
      expect(Object.keys(metrics)).toEqual(['spearman', 'pearson', 'mse']);
      expect(metrics.spearman).toBeGreaterThan(0.4);
    }
  });

  it('learns from matching pairs alone, with hard negatives', async () => {
    const rows = questionPairs(48)
      .filter(({ label }) => label === '1')
      .map(({ sentence1, sentence2 }, i, all) => ({
        sentence1,
        sentence2,
        negative: all[(i + 5) % all.length]!.sentence2,
      }));
    const path = writeTsv(at('triples.tsv'), rows);
    const { metrics } = await train(
      options({
        loss: 'infonce',
        gold: 'none',
        negativeSequence: 'negative',
        train: path,
        dev: path,
        output: at('triples'),
      }),
    );
    expect(Object.keys(metrics)).toEqual(['mrr', 'recall_at_1', 'recall_at_5', 'recall_at_10']);
    expect(metrics.mrr).toBeGreaterThan(0.5);
  });

  it.each(['cosent', 'infonce', 'circle', 'contrastive'])(
    'makes siamese pairs of classes (%s)',
    async (loss) => {
      const output = at(`siamese-${loss}`);
      const { metrics } = await train(options({ loss, siamese: true, train: texts, dev: texts, output }));
      expect(metrics.accuracy).toBeGreaterThan(0.85);
      expect(metrics.recall_at_1).toBeGreaterThan(0.8);
      const match = await pipeline(APP, output);
      const [alike] = (await match([['房间干净，服务周到', '好吃，还会再来']])) as TextSimilarity[];
      const [apart] = (await match([['房间干净，服务周到', '太差了，不会再来']])) as TextSimilarity[];
      expect(alike!.similarity).toBeGreaterThan(apart!.similarity);
      match.dispose();
    },
  );

  it.each<[string, Extra]>([
    ['first token', { pooling: 'first' }],
    ['pooler and a layer of its own', { pooling: 'pooler', vectorSize: 8 }],
    ['two encoders', { encoders: 'separate', vectorSize: 8, loss: 'infonce' }],
  ])('%s: what was trained is what is loaded', async (name, extra) => {
    const output = at(name);
    const { metrics } = await train(options({ ...extra, maxSteps: 8, train: data, dev: data, output }));
    const again = await evaluate({ model: output, data });
    for (const [figure, value] of Object.entries(metrics)) {
      expect(again.metrics[figure], figure).toBeCloseTo(value!, 6);
    }
    expect(JSON.parse(readFileSync(join(output, 'easynlp.json'), 'utf8')).task.threshold).toBe(
      metrics.threshold,
    );
    const answer = await pipeline(APP, output);
    const same = '花呗怎么还款';
    const towers = (await answer([{ sentence1: same }, { sentence2: same }])) as TextVector[];
    const equal = towers[0]!.vector.every((v, i) => Math.abs(v - towers[1]!.vector[i]!) < 1e-6);
    expect(equal).toBe(extra.encoders !== 'separate');
    if (extra.vectorSize) expect(towers[0]!.vector).toHaveLength(8);
    answer.dispose();
    // The encoder opens as a plain one, here and in transformers.
    const encoder = await AutoModel.fromPretrained(output);
    expect(encoder.config.hidden_size).toBe(16);
    encoder.dispose();
  });
});

describe('the threshold', () => {
  it('of the validation data is kept, not tuned on what is evaluated', async () => {
    const output = at('kept');
    const { metrics } = await train(options({ maxSteps: 8, train: data, dev: data, output }));
    const swapped = writeTsv(
      at('swapped.tsv'),
      questionPairs(48).map((row) => ({ ...row, label: row.label === '1' ? '0' : '1' })),
    );
    const other = await evaluate({ model: output, data: swapped });
    expect(other.metrics.threshold).toBe(metrics.threshold);
    expect(other.metrics.accuracy).toBeCloseTo(1 - metrics.accuracy!, 6);
  });
});

describe('siamese pairs for evaluation', () => {
  it('are the same every time, half of them matching, never a text with itself', () => {
    const classes = Array.from({ length: 60 }, (_, i) => (i * 7) % 5);
    const pairs = siamesePairs(classes);
    expect(siamesePairs(classes)).toEqual(pairs);
    expect(pairs.every(([i, j]) => i !== j)).toBe(true);
    expect(pairs.filter(([i, j]) => classes[i] === classes[j])).toHaveLength(pairs.length / 2);
    // A class of one text, and a single class, end as well (EasyNLP's loop does not).
    expect(siamesePairs([0, 0, 1]).every(([i]) => i < 2)).toBe(true);
    expect(siamesePairs([0, 0, 0])).toEqual([]);
  });
});

describe('answers', () => {
  let match: Pipeline<'text_match_two_tower'>;
  let model = '';
  beforeAll(async () => {
    model = at('answers');
    await train(options({ maxSteps: 8, train: data, dev: data, output: model }));
    match = await pipeline(APP, model);
  });
  const strange = [
    '花呗怎么还款',
    '',
    '很长的问题'.repeat(200),
    '😀👩‍👩‍👧‍👦𠮷',
    '\u0000\u0007\u200b\ufeff',
    'a\tb\nc',
  ];

  it('a batch gives what singles give, whatever the texts and their order', async () => {
    const vectors = (await match(strange)) as TextVector[];
    const back = ((await match([...strange].reverse())) as TextVector[]).reverse();
    for (const [i, text] of strange.entries()) {
      const { vector } = (await match(text)) as TextVector;
      expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
      for (const [d, value] of vector.entries()) {
        expect(vectors[i]!.vector[d]).toBeCloseTo(value, 5);
        expect(back[i]!.vector[d]).toBeCloseTo(value, 5);
      }
    }
  });

  it('any texts give the same vectors in any order and company', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { minLength: 2, maxLength: 6 }),
        fc.array(text),
        async (texts, company) => {
          const alone = (await match(texts)) as TextVector[];
          const among = (await match([...company, ...[...texts].reverse()])) as TextVector[];
          for (const [i, { vector }] of alone.entries()) {
            const other = among[among.length - 1 - i]!.vector;
            expect(vector.every((v, d) => Math.abs(v - other[d]!) < 1e-5)).toBe(true);
          }
        },
      ),
      { numRuns: 20 },
    );
  });

  it('pairs, texts and objects may be mixed; a pair is the product of its vectors', async () => {
    const [a, b] = ['花呗怎么还款', '请问借呗如何开通'] as const;
    const [pair, first, second] = (await match([[a, b], a, { sentence2: b }])) as [
      TextSimilarity,
      TextVector,
      TextVector,
    ];
    const product = first.vector.reduce((sum, v, i) => sum + v * second.vector[i]!, 0);
    expect(pair.similarity).toBeCloseTo(product, 5);
    expect(typeof pair.match).toBe('boolean');
    await expect(match({ other: 'x' })).rejects.toMatchObject({ code: 'APP_INPUT' });
    await expect(match([['a', 'b', 'c'] as never])).rejects.toMatchObject({ code: 'APP_INPUT' });
  });

  it('files of pairs and of single texts', async () => {
    const output = at('out.tsv');
    await predict({
      model,
      input: [data],
      output,
      outputSchema: ['predictions', 'similarity', 'emb_output'],
      appendCols: ['label'],
    });
    const lines = readFileSync(output, 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(48);
    expect(lines[0]!.split('\t')[2]!.split(',')).toHaveLength(16);
    expect(lines.every((line) => /^[01]\t-?[\d.e-]+\t/.test(line))).toBe(true);
    const singles = writeTsv(at('singles.tsv'), [{ sentence1: 'a' }, { sentence1: 'b' }]);
    await predict({ model, input: [singles], output: at('vectors.tsv'), outputSchema: ['vector'] });
    await expect(predict({ model, input: [singles], output: at('none.tsv') })).rejects.toThrow(
      /one text a row, and similarities need two/,
    );
  });
});
