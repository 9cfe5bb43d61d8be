import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { memory, tidy } from '@easynlp/torch';
import { describe, expect, it } from 'vitest';
import '../../methods.js';
import { openArtefact } from '../../appzoo/artefact.js';
import { evaluate } from '../../predictor/evaluate.js';
import { runTrain, sampleFile, workFolder } from '../../trainer/runs.fixture.js';
import type { PTuningModel } from './p-tuning-model.js';

const folder = workFolder('p-tuning');
const model = fileURLToPath(new URL('../../../../models-zh/bert-tiny-zh', import.meta.url));
const rows = sampleFile(join(folder, 'train.tsv'), 32);
const dev = sampleFile(join(folder, 'dev.tsv'), 32, 0, 'dev.tsv');
const options = {
  ...{ model, train: rows, dev, method: 'ptuning', sequenceLength: 64, batchSize: 8, epochs: 2 },
  ...{ learningRate: 1e-4, device: 'cpu', numThreads: 1, loggingSteps: 1 },
  ...{ pattern: '<pseudo:3>,label,<pseudo>,text', labelWords: ['差', '好'] },
};

describe('P-Tuning', () => {
  it.each(['lstm', 'embedding'] as const)(
    'trains vectors (%s), stores and loads them',
    async (promptEncoder) => {
      const output = join(folder, promptEncoder);
      const before = memory().tensors;
      const { result } = await runTrain({ ...options, promptEncoder, output } as never);
      expect(memory().tensors).toBe(before);
      const { metrics } = await evaluate({ model: output, data: dev });
      for (const [name, value] of Object.entries(metrics))
        expect(value).toBeCloseTo(result.metrics[name]!, 5);
      const opened = await openArtefact(output);
      const { prompt } = opened.model as PTuningModel;
      expect(prompt.stored.shape).toEqual([4, 128]);
      tidy(() => {
        expect(prompt.forward().sub(prompt.stored).abs().max().item()).toBeLessThan(1e-5);
        expect(prompt.stored.abs().max().item()).toBeGreaterThan(0);
      });
      opened.model.dispose();
    },
  );
});
