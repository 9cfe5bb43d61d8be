import { join } from 'node:path';
import { memory } from '@easynlp/torch';
import { expect, it } from 'vitest';
import { KINDS, runTrain, sampleFile, tiny, workFolder } from './runs.fixture.js';

// R18: training holds what it needs, and no more from step to step.

const folder = workFolder('memory');
const train = sampleFile(join(folder, 'train.tsv'), 60);
const dev = sampleFile(join(folder, 'dev.tsv'), 16, 0, 'dev.tsv');
let number = 0;
const fresh = () => join(folder, `run-${number++}`);

it.each(KINDS)(
  '%s: live tensors are the same at every one of 50 steps, and gone afterwards',
  async (kind) => {
    for (const options of [{}, { gradientAccumulationSteps: 2 }, { precision: 'bf16' }] as const) {
      const before = memory();
      const tensors: number[] = [];
      const bytes: number[] = [];
      const config = tiny(kind, { epochs: 20, maxSteps: 50, evalSteps: 10, saveSteps: 10, ...options });
      await runTrain({ ...config, train, dev, output: fresh() }, null, {
        onStep: () => {
          const now = memory();
          tensors.push(now.tensors);
          bytes.push(now.bytes.cpu ?? 0);
        },
      });
      expect(tensors).toHaveLength(50);
      // The first step makes the optimizer's state.
      expect(new Set(tensors.slice(1)).size, tensors.join()).toBe(1);
      // Within a step the batch itself is alive; its size wavers with the lengths of the texts.
      expect(Math.max(...bytes.slice(25)) - Math.max(...bytes.slice(1, 25))).toBeLessThan(100_000);
      expect(memory()).toEqual(before);
    }
  },
);

it.each(KINDS)('%s: however training ends, no tensor is left', async (kind) => {
  const before = memory();
  const base = { ...tiny(kind, { epochs: 2, saveSteps: 2 }), train, dev };
  const output = fresh();
  await runTrain({ ...base, output }, 3);
  expect(memory()).toEqual(before);
  await runTrain({ ...base, output, resume: 'auto' });
  expect(memory()).toEqual(before);
  await expect(runTrain({ ...base, output })).rejects.toThrow('already holds');
  expect(memory()).toEqual(before);
  await expect(runTrain({ ...base, output, seed: 7, resume: 'auto' })).rejects.toThrow('seed');
  expect(memory()).toEqual(before);
  const lost = { ...base, learningRate: 1e35, warmupSteps: 0, output: fresh() };
  await expect(runTrain(lost)).rejects.toMatchObject({ code: 'TRAIN_LOSS_NOT_FINITE' });
  expect(memory()).toEqual(before);
  const thrown = runTrain({ ...base, output: fresh() }, null, {
    onStep: () => {
      throw new Error('of the caller');
    },
  });
  await expect(thrown).rejects.toThrow('of the caller');
  expect(memory()).toEqual(before);
});
