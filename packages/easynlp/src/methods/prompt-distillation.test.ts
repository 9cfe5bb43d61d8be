import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { memory } from '@easynlp/torch';
import { describe, expect, it } from 'vitest';
import '../methods.js';
import { readManifest } from '../appzoo/artefact.js';
import { evaluate } from '../predictor/evaluate.js';
import { reviews, workFolder, writeTsv } from '../predictor/models.fixture.js';
import { pipeline } from '../predictor/pipeline.js';
import { train } from '../trainer/train.js';

const folder = workFolder('kd-prompt');
const at = (name: string) => join(folder, name);
const tiny = fileURLToPath(new URL('../../../models-zh/bert-tiny-zh', import.meta.url));
const few = writeTsv(at('few.tsv'), reviews(16));
const dev = writeTsv(at('dev.tsv'), reviews(8));
const more = writeTsv(
  at('more.tsv'),
  reviews(24).map(({ text }) => ({ text: `${text}。` })),
);
const prompt = { pattern: 'text,很,label', labelWords: ['好', '差'], labels: ['好评', '差评'] };
const common = {
  ...{ model: tiny, train: few, dev, device: 'cpu', numThreads: 1, batchSize: 8, sequenceLength: 32 },
  ...{ epochs: 1, learningRate: 1e-4, saveStrategy: 'none' as const },
};
const student = (more: object) => ({ ...common, ...prompt, method: 'kd_prompt', ...more }) as never;

const teachers = (() => {
  let made: Promise<{ own: string; cross: string }> | undefined;
  const train2 = async () => {
    await train({ ...common, ...prompt, method: 'pet', output: at('own'), epochs: 3 } as never);
    const other = { ...prompt, pattern: '感觉,label,。,text', seed: 7 };
    await train({ ...common, ...other, method: 'pet', output: at('cross') } as never);
    return { own: at('own'), cross: at('cross') };
  };
  return () => {
    made ??= train2();
    return made;
  };
})();

describe('kd_prompt', () => {
  it('leaves a prompted student that is used like any other model', async () => {
    const { own } = await teachers();
    const before = memory().tensors;
    const output = at('student');
    await train(student({ teacher: [own], unlabelled: [more], smoothWeight: 0.1, alpha: 0.6, output }));
    expect(memory().tensors).toBe(before);
    const { task } = await readManifest(output);
    expect(task).toMatchObject({ method: 'kd_prompt', labels: ['好评', '差评'] });
    const { rows, metrics } = await evaluate({ model: output, data: dev, device: 'cpu', numThreads: 1 });
    expect(rows).toBe(8);
    expect(metrics.accuracy).toBeGreaterThanOrEqual(0);
    const classify = await pipeline('text_classify', output, { device: 'cpu' });
    expect(['好评', '差评']).toContain(((await classify('很好')) as { label: string }).label);
    classify.dispose();
    // A student of other rows is a model to begin with.
    await train(student({ teacher: [own], model: output, output: at('again'), maxSteps: 1 }));
  }, 60_000);

  it('rows about which a teacher of another domain disagrees count for less', async () => {
    const { own, cross } = await teachers();
    const losses: number[] = [];
    const logs: string[] = [];
    for (const crossTeacher of [[], [own], [cross]]) {
      const output = at(`cross-${losses.length}`);
      await train(
        student({ teacher: [own], crossTeacher, output, dropout: 0, maxSteps: 1, loggingSteps: 1, seed: 3 }),
        { log: (line) => logs.push(line) },
      );
      const first = readFileSync(join(output, 'training', 'metrics.jsonl'), 'utf8').split('\n')[0]!;
      losses.push((JSON.parse(first) as { loss: number }).loss);
    }
    // A teacher agrees with itself about everything.
    expect(losses[1]).toBeCloseTo(losses[0]!, 6);
    const mean = logs.flatMap((line) => /weight of a row ([\d.]+)/.exec(line)?.[1] ?? []).map(Number);
    expect(mean).toEqual([1, expect.any(Number)]);
    expect(mean[1]).toBeGreaterThan(0.3);
    expect(mean[1]).toBeLessThan(1);
    expect(losses[2]).toBeLessThan(losses[0]!);
  }, 60_000);

  it('says what does not go together before anything is trained', async () => {
    const { own } = await teachers();
    const output = at('never');
    await expect(train(student({ output }))).rejects.toThrow(/kd_prompt needs a teacher/);
    await expect(
      train(student({ teacher: [own], alpha: 0.7, smoothWeight: 0.4, output })),
    ).rejects.toMatchObject({ code: 'CONFIG_CONFLICT', message: expect.stringContaining('more than 1') });
    await expect(train(student({ teacher: [own], pattern: 'text', output }))).rejects.toMatchObject({
      code: expect.stringMatching(/^PROMPT_/),
    });
  });
});
