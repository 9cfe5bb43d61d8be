import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { textClassify } from '../appzoo/text-classify/index.js';
import type { TrainOptions } from '../config/index.js';
import {
  checkpointsOf,
  compileTree,
  KINDS,
  type Kind,
  metricsOf,
  remains,
  runTrain,
  SLOW,
  sampleFile,
  tiny,
  trainInChild,
  workFolder,
} from './runs.fixture.js';

// R1, R2: wherever a training is interrupted, its continuation is the training that was never interrupted.

const folder = workFolder('resume');
const train = sampleFile(join(folder, 'train.tsv'), 60);
const dev = sampleFile(join(folder, 'dev.tsv'), 16, 0, 'dev.tsv');
let number = 0;
const fresh = () => join(folder, `run-${number++}`);

/** Every batch that the model sees, training and evaluation, as the rows' token ids. */
function recordBatches(): string[] {
  const seen: string[] = [];
  const collate = textClassify.collate;
  vi.spyOn(textClassify, 'collate').mockImplementation((rows, context, options) => {
    seen.push(rows.map((row) => row.ids.join(' ')).join('|'));
    return collate(rows, context, options);
  });
  return seen;
}
afterEach(() => vi.restoreAllMocks());

interface Variant {
  readonly name: string;
  readonly kinds?: readonly Kind[];
  readonly options?: Omit<TrainOptions, 'train' | 'output'>;
  /** Steps of the whole training. */
  readonly steps?: number;
  /** Interruptions tried by default; all of them in the slow tests. */
  readonly at: readonly number[];
  /** An early stop ends without a last checkpoint. */
  readonly checkpoint?: boolean;
}

// 60 rows in batches of 10: 6 batches an epoch.
const ALL = Array.from({ length: 11 }, (_, i) => i + 1);
const VARIANTS: readonly Variant[] = [
  { name: 'adamw, two epochs, evaluated after each', at: ALL },
  {
    name: 'evaluation every 4 steps: right after it, and in between',
    kinds: ['text-cnn'],
    options: { evalSteps: 4 },
    at: [4, 5, 8],
  },
  {
    name: 'accumulation of 4 batches, the last group of an epoch partial',
    options: { gradientAccumulationSteps: 4, epochs: 3 },
    steps: 6,
    at: [1, 2, 3, 4, 5],
  },
  { name: 'bf16 autocast', options: { precision: 'bf16' }, at: [5] },
  {
    name: 'token budget',
    kinds: ['text-cnn'],
    options: { batchSize: undefined, tokenBudget: 200, maxSteps: 10 },
    steps: 10,
    at: [1, 4, 9],
  },
  {
    name: 'no bucketing, no clipping',
    kinds: ['text-cnn'],
    options: { bucketing: false, maxGradNorm: 0 },
    at: [7],
  },
  { name: 'adam', kinds: ['text-cnn'], options: { optimizer: 'adam' }, at: [1, 7] },
  { name: 'sgd', kinds: ['text-cnn'], options: { optimizer: 'sgd', schedule: 'cosine' }, at: [1, 7] },
  {
    name: 'bertadam',
    kinds: ['text-cnn'],
    options: { optimizer: 'bertadam', schedule: 'constant' },
    at: [1, 7],
  },
  { name: 'log lines every 5 steps', kinds: ['text-cnn'], options: { loggingSteps: 5 }, at: [3, 5, 8] },
  {
    name: 'early stop with patience 3',
    kinds: ['text-cnn'],
    options: { evalSteps: 1, earlyStopPatience: 3, learningRate: 1e-9 },
    steps: 4,
    at: [1, 2, 3],
    checkpoint: false,
  },
];

describe.each(VARIANTS)('$name', ({ kinds = KINDS, options = {}, steps = 12, at, checkpoint = true }) => {
  it.each(kinds)('%s', async (kind) => {
    const base = { ...tiny(kind, { epochs: 2, warmupRatio: 0.25, ...options }), train, dev };
    const batches = recordBatches();
    const whole = fresh();
    const uninterrupted = await runTrain({ ...base, output: whole });
    expect(uninterrupted.result.steps).toBe(steps);
    const order = batches.splice(0);
    const expected = remains(whole, { checkpoint });

    const places = SLOW ? Array.from({ length: steps - 1 }, (_, i) => i + 1) : at;
    // By default the larger model is stopped at a sample of the places; the chain below visits all of them.
    for (const k of places.filter(
      (place) => SLOW || kind === 'text-cnn' || at.length < 4 || place % 3 === 0,
    )) {
      const output = fresh();
      const first = await runTrain({ ...base, output }, k);
      expect(first.result).toMatchObject({ stopped: 'interrupted', steps: k });
      const second = await runTrain({ ...base, output, resume: 'auto' });
      expect(second.result, `stopped at ${k}`).toEqual({ ...uninterrupted.result, output });
      expect(new Map([...first.losses, ...second.losses])).toEqual(uninterrupted.losses);
      expect(remains(output, { checkpoint }), `stopped at ${k}`).toEqual(expected);
      expect(batches.splice(0)).toEqual(order);
    }
  });
});

it.each(KINDS)('%s interrupted after every single step', async (kind) => {
  const base = { ...tiny(kind, { epochs: 2 }), train, dev };
  const whole = fresh();
  const uninterrupted = await runTrain({ ...base, output: whole });
  const output = fresh();
  const losses = new Map<number, number>();
  for (let k = 1; k <= 12; k++) {
    const part = await runTrain({ ...base, output, resume: 'auto' }, k);
    expect(part.result).toMatchObject({ stopped: 'interrupted', steps: k });
    for (const [step, loss] of part.losses) losses.set(step, loss);
  }
  // Interrupted after its last step too: the evaluation of the end is still to come.
  expect(metricsOf(output).filter((line) => line.includes('"evaluate"'))).toHaveLength(1);
  const last = await runTrain({ ...base, output, resume: 'auto' });
  expect(last.losses.size).toBe(0);
  expect(losses).toEqual(uninterrupted.losses);
  expect(remains(output)).toEqual(remains(whole));
});

it('resumes from any checkpoint by name, into another folder', async () => {
  const base = { ...tiny('text-cnn', { epochs: 2, saveSteps: 1, keepLast: 0 }), train };
  const whole = fresh();
  const uninterrupted = await runTrain({ ...base, output: whole });
  expect(checkpointsOf(whole)).toHaveLength(12);
  const { metrics: _, ...expected } = remains(whole);
  for (const checkpoint of checkpointsOf(whole).slice(0, -1)) {
    const output = fresh();
    const { losses } = await runTrain({ ...base, output, resume: checkpoint });
    for (const [step, loss] of losses) expect(loss).toBe(uninterrupted.losses.get(step));
    expect(remains(output)).toMatchObject(expected);
  }
});

it('continuing a finished training changes nothing', async () => {
  const base = { ...tiny('text-cnn', { epochs: 2 }), train, dev };
  const output = fresh();
  const { result } = await runTrain({ ...base, output });
  const before = remains(output);
  const again = await runTrain({ ...base, output, resume: 'auto' });
  expect(again.result).toEqual(result);
  expect(again.losses.size).toBe(0);
  expect(remains(output)).toEqual(before);
});

it('continuing after an early stop ends at the same place with the same best model', async () => {
  const base = {
    ...tiny('text-cnn', { evalSteps: 1, saveSteps: 2, earlyStopPatience: 3, learningRate: 1e-9 }),
    train,
    dev,
  };
  const output = fresh();
  const { result } = await runTrain({ ...base, output });
  expect(result).toMatchObject({ stopped: 'early', bestStep: 1, steps: 4 });
  const before = remains(output);
  const again = await runTrain({ ...base, output, resume: 'auto' });
  expect(again.result).toEqual(result);
  expect(remains(output)).toEqual(before);
});

it('a crash between an evaluation and the next checkpoint leaves no line twice', async () => {
  // The checkpoint of step 6 is written before the evaluation that ends the epoch, also at step 6.
  const base = { ...tiny('text-cnn', { epochs: 2, saveSteps: 6, keepLast: 0 }), train, dev };
  const whole = fresh();
  await runTrain({ ...base, output: whole });
  const crashed = fresh();
  await expect(
    runTrain({ ...base, output: crashed }, null, {
      onStep: ({ step }) => {
        if (step === 9) throw new Error('crash');
      },
    }),
  ).rejects.toThrow('crash');
  expect(checkpointsOf(crashed)).toHaveLength(1);
  await runTrain({ ...base, output: crashed, resume: 'auto' });
  expect(remains(crashed)).toEqual(remains(whole));
});

describe('in a new process', () => {
  let entry = '';
  beforeAll(() => {
    ({ entry } = compileTree(join(folder, 'tree')));
  });

  it.each(KINDS)('%s', async (kind) => {
    const base = { ...tiny(kind, { epochs: 2, precision: kind === 'bert' ? 'bf16' : 'fp32' }), train, dev };
    const whole = fresh();
    const uninterrupted = await runTrain({ ...base, output: whole });
    const expected = remains(whole);
    for (const k of SLOW ? ALL : kind === 'bert' ? [5] : [6, 11]) {
      const output = fresh();
      const first = await runTrain({ ...base, output }, k);
      // The same once more, to be continued by this process.
      const copy = fresh();
      cpSync(output, copy, { recursive: true });
      const second = await trainInChild(entry, { ...base, output, resume: 'auto' });
      expect(second.error).toBeUndefined();
      expect(new Map([...first.losses, ...second.losses!])).toEqual(uninterrupted.losses);
      expect(remains(output), `stopped at ${k}`).toEqual(expected);
    }
  });
});
