import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type amp, files, nn, noGrad, optim, type Tensor, tensor, tidy } from '@easynlp/torch';
import { describe, expect, it } from 'vitest';
import type { AppModel, ModelInputs, ModelOutputs } from '../appzoo/app.js';
import type { TrainConfig } from '../config/index.js';
import { BatchStream, collated, type EncodedRow, type HostBatch, tableFromArray } from '../datahub/index.js';
import { evaluate } from '../predictor/evaluate.js';
import { buildSchedule } from './build-optimizer.js';
import type { TrainerHooks } from './hooks.js';
import {
  checkpointsOf,
  KINDS,
  metricsOf,
  remains,
  runTrain,
  sampleFile,
  tiny,
  workFolder,
} from './runs.fixture.js';
import { Trainer, type TrainerParts, type TrainerSettings } from './trainer.js';
import { initialState } from './training-state.js';

const folder = workFolder('loop');
const train = sampleFile(join(folder, 'train.tsv'), 60);
const dev = sampleFile(join(folder, 'dev.tsv'), 40, 0, 'dev.tsv');
let number = 0;
const fresh = () => join(folder, `run-${number++}`);

const values = (path: string) =>
  tidy(() => {
    const loaded = files.loadSafetensors(path);
    return new Map([...loaded].map(([name, t]) => [name, Array.from(t.toFloat32Array())]));
  });
const weightsOf = (output: string) => values(join(output, 'model.safetensors'));

function greatestDifference(a: Map<string, number[]>, b: Map<string, number[]>): number {
  expect([...a.keys()].sort()).toEqual([...b.keys()].sort());
  let worst = 0;
  for (const [name, list] of a) {
    for (const [i, value] of list.entries()) worst = Math.max(worst, Math.abs(value - b.get(name)![i]!));
  }
  return worst;
}

describe.each(['adamw', 'adam', 'sgd', 'bertadam'] as const)('%s', (optimizer) => {
  it.each(KINDS)('moves every weight of %s at every step', async (kind) => {
    const output = fresh();
    const options = tiny(kind, { optimizer, schedule: 'constant', warmupSteps: 0, maxSteps: 3 });
    const learningRate = optimizer === 'sgd' ? 0.3 : 1e-3;
    await runTrain({ ...options, learningRate, saveSteps: 1, keepLast: 0, train, output });
    const [first, second, third] = checkpointsOf(output).map((c) => values(join(c, 'model.safetensors')));
    for (const [before, after] of [
      [first!, second!],
      [second!, third!],
    ]) {
      for (const [name, list] of before!) {
        // The bias of attention keys cancels in the softmax: its gradient is nothing but rounding.
        if (name.includes('key.bias')) continue;
        expect(
          list.some((value, i) => value !== after!.get(name)![i]),
          name,
        ).toBe(true);
      }
    }
  });
});

describe('gradient accumulation', () => {
  // 25 rows: batches of 10, 10 and 5 against one of 25, two steps each.
  const rows = sampleFile(join(folder, 'rows.tsv'), 25);
  it.each(KINDS)('%s: several batches make the same step as one large batch', async (kind) => {
    const base = {
      ...tiny(kind, { optimizer: 'sgd', learningRate: 0.5, epochs: 2, warmupSteps: 0 }),
      dropout: 0,
      train: rows,
    };
    for (const maxGradNorm of [0, 0.05]) {
      const large = fresh();
      const one = await runTrain({ ...base, maxGradNorm, batchSize: 25, output: large });
      const small = fresh();
      const parts = { ...base, maxGradNorm, batchSize: 10, gradientAccumulationSteps: 3, output: small };
      const several = await runTrain(parts);
      expect(several.result.steps).toBe(2);
      expect(one.result.steps).toBe(2);
      for (const [step, loss] of one.losses)
        expect(Math.abs(several.losses.get(step)! - loss)).toBeLessThan(1e-6);
      expect(greatestDifference(weightsOf(large), weightsOf(small))).toBeLessThan(1e-6);
    }
  });

  it('the last, partial group of an epoch makes a step: every row counts', async () => {
    const samples: number[] = [];
    const options = {
      ...tiny('text-cnn', { gradientAccumulationSteps: 4, epochs: 2 }),
      train,
      output: fresh(),
    };
    const { result } = await runTrain(options, null, { onStep: (info) => samples.push(info.samples) });
    expect(samples).toEqual([40, 20, 40, 20]);
    expect(result).toMatchObject({ steps: 4, epochs: 2 });
  });
});

describe('evaluation', () => {
  it.each(KINDS)('%s: looking at the validation data does not change the training', async (kind) => {
    const base = { ...tiny(kind, { epochs: 1 }), train };
    const without = await runTrain({ ...base, output: fresh() });
    const often = await runTrain({ ...base, dev, evalSteps: 1, output: fresh() });
    // Dropout would be off, and the losses others, if a model came back in evaluation mode.
    expect(often.losses).toEqual(without.losses);
    const still = await runTrain({ ...base, dropout: 0, output: fresh() });
    expect(still.losses).not.toEqual(without.losses);
  });

  it.each([
    ['loss', Math.min],
    ['accuracy', Math.max],
    ['macro_f1', Math.max],
  ] as const)('keeps the best model by %s', async (bestMetric, best) => {
    const output = fresh();
    // Far too high a rate: the figures go up and down.
    const options = tiny('text-cnn', { bestMetric, evalSteps: 1, epochs: 2, learningRate: 0.2, keepLast: 3 });
    const { result } = await runTrain({ ...options, train, dev, output });
    const evaluations = metricsOf(output)
      .map((line) => JSON.parse(line))
      .filter((line) => line.event === 'evaluate');
    expect(evaluations).toHaveLength(12);
    const figures = evaluations.map((e) => e.metrics[bestMetric] as number);
    const top = best(...figures);
    expect(result.metrics[bestMetric]).toBe(top);
    expect(result.bestStep).toBe(figures.indexOf(top) + 1); // the first of equals
    expect(new Set(figures).size).toBeGreaterThan(2);
    let record: number | null = null;
    for (const [i, e] of evaluations.entries()) {
      const better: boolean = record === null || best(record, figures[i]!) !== record;
      expect(e.best).toBe(better);
      if (better) record = figures[i]!;
    }
    // What was published is that model.
    const manifest = JSON.parse(readFileSync(join(output, 'easynlp.json'), 'utf8'));
    expect(manifest.training.step).toBe(result.bestStep);
    expect(manifest.metrics).toEqual(result.metrics);
    const again = await evaluate({ model: output, data: dev, device: 'cpu', batchSize: 10 });
    for (const [name, value] of Object.entries(result.metrics)) {
      expect(again.metrics[name], name).toBeCloseTo(value!, 5);
    }
  });

  it('stops early after so many evaluations without a gain, not before', async () => {
    const output = fresh();
    const options = tiny('text-cnn', { evalSteps: 1, epochs: 5, learningRate: 0.2, earlyStopPatience: 4 });
    const { result } = await runTrain({ ...options, train, dev, output });
    const figures = metricsOf(output)
      .map((line) => JSON.parse(line))
      .filter((line) => line.event === 'evaluate')
      .map((line) => line.metrics.accuracy as number);
    let best = -1;
    let waited = 0;
    const end = figures.findIndex((figure) => {
      waited = figure > best ? 0 : waited + 1;
      best = Math.max(best, figure);
      return waited === 4;
    });
    expect(end).toBeGreaterThan(0);
    expect(result).toMatchObject({ stopped: 'early', steps: end + 1 });
    expect(figures).toHaveLength(end + 1);
  });
});

describe('checkpoints', () => {
  it.each([
    [1, [12]],
    [3, [8, 10, 12]],
    [0, [2, 4, 6, 8, 10, 12]],
  ])('keepLast %d', async (keepLast, steps) => {
    const output = fresh();
    await runTrain({ ...tiny('text-cnn', { epochs: 2, saveSteps: 2, keepLast }), train, output });
    expect(checkpointsOf(output).map((c) => Number(c.slice(-8)))).toEqual(steps);
  });

  it('saveStrategy none writes none; an interruption still does', async () => {
    const base = { ...tiny('text-cnn', { epochs: 1, saveStrategy: 'none' }), train };
    const output = fresh();
    await runTrain({ ...base, output });
    expect(checkpointsOf(output)).toEqual([]);
    const stopped = fresh();
    await runTrain({ ...base, output: stopped }, 2);
    expect(checkpointsOf(stopped)).toHaveLength(1);
    await runTrain({ ...base, output: stopped, resume: 'auto' });
    expect(remains(stopped, { checkpoint: false })).toEqual(remains(output, { checkpoint: false }));
  });

  it('checkpoints of a course that was left do not outlive newer ones', async () => {
    const base = { ...tiny('text-cnn', { epochs: 2, saveSteps: 1, keepLast: 0 }), train };
    const output = fresh();
    await runTrain({ ...base, output });
    const early = checkpointsOf(output)[3]!;
    const again = { ...base, output, keepLast: 1, learningRate: 1e-4, allowChanged: ['learningRate'] };
    await runTrain({ ...again, resume: early }, 6);
    // Otherwise the next --resume auto would go on at step 12 of the old course.
    expect(checkpointsOf(output).map((c) => Number(c.slice(-8)))).toEqual([6]);
  });
});

describe('learning rate', () => {
  const schedule = (options: Partial<TrainConfig>, total: number) =>
    buildSchedule({ warmupRatio: 0.1, schedule: 'linear', ...options } as TrainConfig, total);

  it('rises through the warm-up and falls to 0 at the end', () => {
    const factor = schedule({}, 100);
    // Hugging Face's linear schedule, 5e-5 at most: the figures that EasyNLP gives.
    for (const [step, rate] of [
      [0, 0],
      [1, 5e-6],
      [5, 2.5e-5],
      [10, 5e-5],
      [11, 4.944e-5],
      [50, 2.778e-5],
      [99, 5.56e-7],
      [100, 0],
    ] as const) {
      expect(5e-5 * factor(step)).toBeCloseTo(rate, 8);
    }
    expect(schedule({ warmupSteps: 0 }, 100)(0)).toBe(1);
    expect(schedule({ warmupSteps: 20 }, 100)(10)).toBe(0.5);
    expect(schedule({ schedule: 'constant' }, 100)(99)).toBe(1);
    expect(schedule({ schedule: 'cosine' }, 100)(55)).toBeCloseTo(0.5, 12);
    expect(schedule({ schedule: 'cosine' }, 100)(100)).toBeCloseTo(0, 12);
    expect(schedule({ schedule: 'polynomial' }, 100)(55)).toBeCloseTo(0.5, 12);
  });

  it('is what the log says', async () => {
    const output = fresh();
    const options = tiny('text-cnn', { epochs: 2, warmupSteps: 3, learningRate: 1e-2 });
    const { rates } = await runTrain({ ...options, train, output });
    const expected = Array.from({ length: 12 }, (_, s) => 1e-2 * (s < 3 ? s / 3 : 1 - (s - 3) / 9));
    for (const [i, rate] of [...rates.values()].entries()) expect(rate).toBeCloseTo(expected[i]!, 12);
    const logged = metricsOf(output).map((line) => JSON.parse(line).learningRate as number);
    expect(logged).toEqual([...rates.values()]);
  });
});

// The loop alone, around a model that can be looked into.

interface ToyRow extends EncodedRow {
  readonly x: readonly number[];
  readonly y: number;
}

class Toy extends nn.Module implements AppModel {
  readonly linear = new nn.Linear(3, 2);
  readonly modes: boolean[] = [];
  forward({ x }: ModelInputs): ModelOutputs {
    this.modes.push(this.training);
    return { logits: this.linear.forward(x!) };
  }
}

function toy(
  settings: Partial<TrainerSettings> = {},
  parts: Partial<TrainerParts> & { hooks?: TrainerHooks } = {},
): { trainer: Trainer; model: Toy } {
  const rows = Array.from({ length: 12 }, (_, i) => ({ i }));
  const model = new Toy();
  noGrad(() => {
    model.linear.weight.copy_(
      tensor([
        [0.1, -0.2, 0.3],
        [0.4, 0.5, -0.6],
      ]),
    );
    model.linear.bias!.zero_();
  });
  const collate = (batch: readonly EncodedRow[]): HostBatch => {
    const list = batch as readonly ToyRow[];
    const x = Float32Array.from(list.flatMap((row) => row.x));
    const y = BigInt64Array.from(list, (row) => BigInt(row.y));
    return {
      tensors: {
        x: { data: x, shape: [list.length, 3], dtype: 'float32' },
        y: { data: y, shape: [list.length], dtype: 'int64' },
      },
      size: list.length,
      tokens: list.length,
      paddedTokens: list.length,
    };
  };
  const trainer = new Trainer({
    model,
    objective: {
      name: 'toy',
      loss: (m, inputs) => ({
        loss: nn.functional.crossEntropy(m.forward(inputs).logits!, inputs.y!),
      }),
    },
    optimizer: new optim.SGD(model.parameters(), { lr: 1 }),
    schedule: () => 1,
    scaler: null,
    batches: collated(
      new BatchStream<EncodedRow>({
        source: tableFromArray(rows),
        encode: (list) =>
          list.map(({ values: { i } }) => ({
            length: 1,
            x: [Math.sin(Number(i)), Math.cos(Number(i)), 1],
            y: Number(i) % 2,
          })),
        batchSize: 4,
        seed: 1,
      }),
      collate,
    ),
    runtime: { device: 'cpu', precision: 'fp32' },
    settings: {
      epochs: 1,
      gradientAccumulationSteps: 1,
      maxGradNorm: 0,
      learningRate: 1,
      loggingSteps: 1,
      evaluateEvery: null,
      saveEvery: null,
      earlyStopPatience: null,
      ...settings,
    },
    state: initialState(settings.epochs === undefined ? 3 : 3 * settings.epochs),
    evaluate: null,
    best: { metric: 'f', higherIsBetter: true },
    onBest: async () => {},
    saveCheckpoint: async () => 'nowhere',
    lastCheckpoint: () => null,
    hooks: {},
    ...parts,
  });
  return { trainer, model };
}

const flat = (model: Toy) => [
  ...model.linear.weight.toFloat32Array(),
  ...model.linear.bias!.toFloat32Array(),
];

describe('the loop', () => {
  it('clips: no step is longer than the learning rate times maxGradNorm, the log has the norm before', async () => {
    const positions: number[][] = [];
    const norms: number[] = [];
    const { trainer, model } = toy(
      { maxGradNorm: 0.01 },
      {
        hooks: {
          onStep: () => positions.push(flat(model)),
          onLog: (info) => norms.push(info.gradNorm!),
        },
      },
    );
    positions.push(flat(model));
    await trainer.run();
    expect(positions).toHaveLength(4);
    for (let i = 1; i < positions.length; i++) {
      const length = Math.hypot(...positions[i]!.map((v, j) => v - positions[i - 1]![j]!));
      expect(length).toBeCloseTo(0.01, 5);
      expect(norms[i - 1]).toBeGreaterThan(0.05);
    }
  });

  it('clips after the scaling of the loss was undone', async () => {
    const calls: string[] = [];
    const scaler = (model: () => Toy) =>
      ({
        scale: (loss: Tensor) => {
          calls.push('scale');
          return loss.mul(65536);
        },
        unscale_: () => {
          calls.push('unscale');
          noGrad(() => {
            for (const p of model().parameters()) p.grad!.div_(65536);
          });
        },
        step: (optimizer: optim.Optimizer) => {
          calls.push('step');
          optimizer.step();
        },
        update: () => calls.push('update'),
      }) as unknown as amp.GradScaler;
    const plain = toy({ maxGradNorm: 0.01 });
    await plain.trainer.run();
    const holder: { model?: Toy } = {};
    const scaled = toy({ maxGradNorm: 0.01 }, { scaler: scaler(() => holder.model!) });
    holder.model = scaled.model;
    await scaled.trainer.run();
    // A power of two: undone exactly.
    expect(flat(scaled.model)).toEqual(flat(plain.model));
    expect(calls.slice(0, 4)).toEqual(['scale', 'unscale', 'step', 'update']);
  });

  it('trains in training mode, also after an evaluation that forgot to go back to it', async () => {
    let evaluations = 0;
    const { trainer, model } = toy(
      { evaluateEvery: 1, epochs: 2 },
      {
        evaluate: async () => {
          model.eval();
          evaluations++;
          return { values: { f: null }, rows: 1 };
        },
      },
    );
    model.eval();
    await trainer.run();
    expect(evaluations).toBe(6);
    expect(model.modes).toEqual([true, true, true, true, true, true]);
  });

  it('writes nothing twice: a step that is due for saving and interrupted has one checkpoint', async () => {
    const saves: number[] = [];
    const stop = new AbortController();
    const { trainer } = toy(
      { saveEvery: 1 },
      {
        saveCheckpoint: async (t) => `${saves.push(t.state.step)}`,
        signal: stop.signal,
        hooks: { onStep: ({ step }) => step === 2 && stop.abort() },
      },
    );
    expect(await trainer.run()).toEqual({ stopped: 'interrupted' });
    expect(saves).toEqual([1, 2]);
  });

  it('neither saves nor crowns weights that are lost', async () => {
    const stored: string[] = [];
    const parts = {
      saveCheckpoint: async () => `${stored.push('checkpoint')}`,
      onBest: async () => void stored.push('best'),
      evaluate: async () => ({ values: { f: 1 }, rows: 1 }),
    };
    for (const settings of [{ saveEvery: 1 }, { evaluateEvery: 1 }]) {
      const { trainer, model } = toy(settings, {
        ...parts,
        // What an overflow in the update does; the loss of this step was finite.
        hooks: { onStep: () => noGrad(() => void model.linear.bias!.fill_(Number.NaN)) },
      });
      await expect(trainer.run()).rejects.toMatchObject({
        code: 'TRAIN_LOSS_NOT_FINITE',
        message: 'The weights became NaN at step 1 (epoch 1); training stopped.',
      });
    }
    expect(stored).toEqual([]);
  });

  it('infinite gradients of a finite loss stop it before the weights are touched', async () => {
    const { trainer, model } = toy(
      { maxGradNorm: 1 },
      {
        objective: {
          name: 'steep',
          // √0: the value is 0, the slope infinite.
          loss: (m, inputs) => ({ loss: m.forward(inputs).logits!.mul(0).sum().sqrt() }),
        },
      },
    );
    const before = flat(model);
    await expect(trainer.run()).rejects.toMatchObject({ code: 'TRAIN_LOSS_NOT_FINITE' });
    expect(flat(model)).toEqual(before);
  });
});
