import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { memory } from '@easynlp/torch';
import { describe, expect, it } from 'vitest';
import '../../methods.js';
import { evaluate } from '../../predictor/evaluate.js';
import { pipeline } from '../../predictor/pipeline.js';
import { predict } from '../../predictor/predict.js';
import { runTrain, sampleFile, workFolder } from '../../trainer/runs.fixture.js';

const folder = workFolder('pet');
const model = fileURLToPath(new URL('../../../../models-zh/bert-tiny-zh', import.meta.url));
const rows = sampleFile(join(folder, 'train.tsv'), 32);
const dev = sampleFile(join(folder, 'dev.tsv'), 32, 0, 'dev.tsv');
const options = {
  ...{ model, train: rows, dev, method: 'pet', sequenceLength: 64, batchSize: 8, epochs: 3 },
  ...{ learningRate: 1e-4, device: 'cpu', numThreads: 1, loggingSteps: 1 },
  ...{ pattern: 'text,"，质量很",label,。', labelWords: ['差|糟', '好|棒'] },
};

describe('PET', () => {
  it('trains, evaluates, predicts and answers like a classifier', async () => {
    const output = join(folder, 'pet');
    const { result, losses } = await runTrain({ ...options, output });
    expect(losses.size).toBe(12);
    console.info(result.metrics);
    expect(result.metrics.accuracy).toBeGreaterThan(0.5);
    const evaluation = await evaluate({ model: output, data: dev });
    expect(evaluation.metrics.accuracy).toBeCloseTo(result.metrics.accuracy!, 6);
    const before = memory().tensors;
    const classify = await pipeline('text_classify', output);
    const answer = (await classify('物流很快，质量也不错')) as { label: string; scores: unknown[] };
    expect(answer.scores).toHaveLength(2);
    console.info(answer);
    classify.dispose();
    expect(memory().tensors).toBe(before);
    const out = join(folder, 'out.tsv');
    await predict({
      model: output,
      input: [dev],
      output: out,
      outputSchema: ['predictions', 'probabilities'],
    });
    expect(readFileSync(out, 'utf8').trimEnd().split('\n').length).toBeGreaterThanOrEqual(32);
  });
});
