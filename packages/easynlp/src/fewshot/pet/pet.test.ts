import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { memory } from '@easynlp/torch';
import { describe, expect, it } from 'vitest';
import '../../methods.js';
import { evaluate } from '../../predictor/evaluate.js';
import { pipeline } from '../../predictor/pipeline.js';
import { predict } from '../../predictor/predict.js';
import { metricsOf, remains, runTrain, sampleFile, workFolder } from '../../trainer/runs.fixture.js';

const folder = workFolder('pet');
const model = fileURLToPath(new URL('../../../../models-zh/bert-tiny-zh', import.meta.url));
const rows = sampleFile(join(folder, 'train.tsv'), 32);
const dev = sampleFile(join(folder, 'dev.tsv'), 32, 0, 'dev.tsv');
const options = {
  ...{ model, train: rows, dev, method: 'pet', sequenceLength: 32, batchSize: 8, epochs: 2 },
  ...{ learningRate: 2e-4, device: 'cpu', numThreads: 1, loggingSteps: 1 },
  ...{ pattern: 'text,"，总之很",label,。', labelWords: ['差|糟', '好|棒'] },
} as const;

describe('PET', () => {
  it('trains, evaluates, predicts and answers like a classifier', async () => {
    const output = join(folder, 'pet');
    const before = memory().tensors;
    const { result, losses } = await runTrain({ ...options, output } as never);
    expect(losses.size).toBe(8);
    const all = [...losses.values()];
    expect(all.slice(-3).reduce((a, b) => a + b)).toBeLessThan(all.slice(0, 3).reduce((a, b) => a + b));

    const { metrics } = await evaluate({ model: output, data: dev });
    for (const [name, value] of Object.entries(metrics)) expect(value).toBeCloseTo(result.metrics[name]!, 5);

    const classify = await pipeline('text_classify', output);
    const answer = (await classify('物流很快，质量也不错')) as {
      label: string;
      scores: { probability: number }[];
    };
    expect(['好评', '差评']).toContain(answer.label);
    expect(answer.scores.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 6);
    classify.dispose();
    expect(memory().tensors).toBe(before);

    const out = join(folder, 'out.tsv');
    await predict({
      model: output,
      input: [dev],
      output: out,
      outputSchema: ['predictions', 'probabilities'],
    });
    expect(readFileSync(out, 'utf8').trimEnd().split('\n')).toHaveLength(32);
    // The stored weights are the language model's, for transformers too.
    const config = JSON.parse(readFileSync(join(output, 'config.json'), 'utf8')) as {
      architectures: string[];
    };
    expect(config.architectures).toEqual(['BertForMaskedLM']);
  });

  it('with the auxiliary language model logs both parts, and resumes bitwise', async () => {
    const given = {
      ...options,
      mlmWeight: 0.1,
      unlabelled: [dev],
      promptSep: false,
      saveStrategy: 'epoch',
      keepLast: 0,
    };
    const whole = join(folder, 'whole');
    const parts = join(folder, 'parts');
    await runTrain({ ...given, output: whole } as never);
    for (const line of metricsOf(whole)) {
      const record = JSON.parse(line) as {
        event: string;
        loss: number;
        parts: { cloze: number; mlm: number };
      };
      if (record.event !== 'train') continue;
      expect(record.loss).toBeCloseTo(0.9 * record.parts.cloze + 0.1 * record.parts.mlm, 3);
    }
    await runTrain({ ...given, output: parts } as never, 3);
    await runTrain({ ...given, output: parts, resume: 'auto' } as never);
    const { published } = remains(parts, { checkpoint: false });
    expect(published).toBe(remains(whole, { checkpoint: false }).published);
  });
});
