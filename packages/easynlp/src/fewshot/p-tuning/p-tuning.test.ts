import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { memory, tensor, tidy } from '@easynlp/torch';
import { describe, expect, it } from 'vitest';
import '../../methods.js';
import { openArtefact } from '../../appzoo/artefact.js';
import { readWeightFiles } from '../../modelzoo/weight-files.js';
import { evaluate } from '../../predictor/evaluate.js';
import { runTrain, sampleFile, workFolder } from '../../trainer/runs.fixture.js';
import { type PTuningModel, wordEmbeddings } from './p-tuning-model.js';

const folder = workFolder('p-tuning');
const model = fileURLToPath(new URL('../../../../models-zh/bert-tiny-zh', import.meta.url));
const rows = sampleFile(join(folder, 'train.tsv'), 32);
const dev = sampleFile(join(folder, 'dev.tsv'), 32, 0, 'dev.tsv');
const options = {
  ...{ model, train: rows, dev, method: 'ptuning', sequenceLength: 32, batchSize: 8, epochs: 1 },
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

  it('trains the prompt alone where asked to, beginning with words', async () => {
    const output = join(folder, 'prompts');
    const given = { ...options, epochs: 1, tune: 'prompts', promptEncoder: 'embedding', pseudoWords: '它是' };
    await runTrain({ ...given, learningRate: 1e-2, output } as never);
    const trained = await openArtefact(output);
    tidy(() => {
      const own = wordEmbeddings((trained.model as PTuningModel).backbone).weight;
      const { prompt } = trained.model as PTuningModel;
      const before = own.indexSelect(
        0,
        tensor(
          [...'它是它是'].map((c) => trained.tokenizer.tokenToId(c)!),
          { dtype: 'int64' },
        ),
      );
      const change = prompt.stored.sub(before).abs().max().item();
      expect(change).toBeGreaterThan(1e-3);
      expect(change).toBeLessThan(0.05);
      const weights = readWeightFiles(model);
      const [name, stored] = [...weights].find(([key]) => key.endsWith('word_embeddings.weight'))!;
      expect(name).toContain('embeddings');
      expect(own.sub(stored).abs().max().item()).toBe(0);
    });
    trained.model.dispose();
  });

  it('needs a trainable token, and words that are known', async () => {
    const wrong = (changes: object) =>
      runTrain({ ...options, ...changes, output: join(folder, 'never') } as never);
    await expect(wrong({ pattern: 'text,label' })).rejects.toThrow('no trainable token');
    await expect(wrong({ pseudoWords: '\u{20000}' })).rejects.toMatchObject({ code: 'CONFIG_INVALID_VALUE' });
  });
});
