import { join } from 'node:path';
import { keep, nn, noGrad, zeros } from '@easynlp/torch';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readManifest } from '../appzoo/artefact.js';
import { option } from '../config/index.js';
import { evaluate } from '../predictor/evaluate.js';
import { type Method, registerMethod } from './method.js';
import { checkpointsOf, metricsOf, runTrain, sampleFile, tiny, workFolder } from './runs.fixture.js';
import { train } from './train.js';

const folder = workFolder('method');
const rows = sampleFile(join(folder, 'train.tsv'), 40);
const dev = sampleFile(join(folder, 'dev.tsv'), 16, 0, 'dev.tsv');

/** Learns a factor of the loss beside the model, counts evaluations, and keeps both in checkpoints. */
const seen = { evaluations: 0, disposed: 0, factor: Number.NaN, progress: [] as number[] };
const scaled: Method = {
  name: 'test-scaled',
  description: 'a learned factor',
  apps: ['text_classify'],
  options: z.strictObject({
    start: option(z.number().default(1), { description: 'start', group: 'Training' }),
  }),
  objective({ config, app, runtime }) {
    const { start } = config as typeof config & { start: number };
    const factor = new nn.Parameter(keep(zeros([], { device: runtime.device }).add(start)));
    return {
      name: 'scaled',
      groups: (model) => [{ params: model.parameters() }, { params: [factor], lrFactor: 0.5 }],
      loss(model, inputs) {
        const loss = app.loss(model.forward(inputs), inputs);
        return { loss: loss.mul(factor), logs: { plain: loss, factor } };
      },
      beforeStep: ({ step, totalSteps }) => void seen.progress.push(step / totalSteps),
      beforeEvaluation: () => void seen.evaluations++,
      stateDict: () => new Map([['factor', factor]]),
      loadStateDict: (state) => noGrad(() => void factor.copy_(state.get('factor')!)),
      dispose() {
        seen.disposed++;
        seen.factor = factor.item();
        factor.dispose();
      },
    };
  },
};

/** Reads texts backwards: a model that was trained so must be asked so. */
const backwards: Method = {
  name: 'test-backwards',
  description: 'reversed tokens',
  apps: ['text_classify'],
  variant: (app) => ({
    ...app,
    async encode(list, context, options) {
      const encoded = await app.encode(list, context, options);
      return encoded.map((row) => ({ ...row, ids: (row.ids as Int32Array).toReversed() }));
    },
  }),
};
/** Log lines of the losses, without clocks. */
const logLines = (output: string): unknown[] =>
  metricsOf(output)
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => line.event === 'train');

registerMethod(scaled);
registerMethod(backwards);

describe('training methods', () => {
  it('train parameters of their own, at a rate of their own, and log parts of the loss', async () => {
    const output = join(folder, 'scaled');
    const options = { ...tiny('bert'), train: rows, dev, output, epochs: 2, method: 'test-scaled', start: 2 };
    const before = seen.evaluations;
    const { losses } = await runTrain(options);
    expect(losses.size).toBe(8);
    expect(seen.evaluations - before).toBe(2);
    expect(seen.factor).not.toBe(2);
    const logged = logLines(output) as {
      loss: number;
      parts: { plain: number; factor: number };
    }[];
    expect(logged).toHaveLength(8);
    for (const { loss, parts } of logged) expect(loss).toBeCloseTo(parts.plain * parts.factor, 4);
    expect(logged[0]!.parts.factor).toBe(2);
    // AdamW's first step has the size of the rate: half of it here (the rate itself is a tenth, in the warm-up).
    const change = Math.abs(logged[2]!.parts.factor - logged[1]!.parts.factor);
    expect(change).toBeGreaterThan(0);
    expect(change).toBeLessThan(0.55 * options.learningRate);
    expect(seen.progress.slice(-2)).toEqual([6 / 8, 7 / 8]);
  });

  it('resume bitwise, the objective’s state and the sums for the log included', async () => {
    const options = {
      ...tiny('bert', { loggingSteps: 3, keepLast: 0 }),
      ...{ train: rows, dev, epochs: 2, method: 'test-scaled' },
    };
    const whole = join(folder, 'whole');
    await runTrain({ ...options, output: whole });
    const factor = seen.factor;
    const output = join(folder, 'parts');
    await runTrain({ ...options, output }, 5);
    expect(checkpointsOf(output).length).toBeGreaterThan(0);
    await runTrain({ ...options, output, resume: 'auto' });
    expect(seen.factor).toBe(factor);
    expect(logLines(output)).toEqual(logLines(whole));
  });

  it('a variant is written into the model and used again for evaluation', async () => {
    const output = join(folder, 'backwards');
    const { metrics } = await train({
      ...tiny('text-cnn'),
      ...{ train: rows, dev, output, epochs: 2, method: 'test-backwards' },
    });
    expect((await readManifest(output)).task.method).toBe('test-backwards');
    const again = await evaluate({ model: output, data: dev, device: 'cpu' });
    expect(again.metrics.loss).toBeCloseTo(metrics.loss!, 5);
  });

  it('says which methods there are, and whose an option is', async () => {
    const options = { ...tiny('bert'), train: rows, output: join(folder, 'never') };
    await expect(train({ ...options, method: 'test-scalde' })).rejects.toMatchObject({
      code: 'METHOD_UNKNOWN',
      message: expect.stringContaining('Did you mean "test-scaled"'),
    });
    await expect(train({ ...options, start: 2 })).rejects.toMatchObject({ code: 'CONFIG_UNKNOWN_KEY' });
  });
});
