import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { memory, tensor, tidy } from '@easynlp/torch';
import { describe, expect, it } from 'vitest';
import '../../../methods.js';
import { readManifest } from '../../../appzoo/artefact.js';
import { evaluate } from '../../../predictor/evaluate.js';
import { runTrain, sampleFile, workFolder } from '../../../trainer/runs.fixture.js';
import { Rng } from '../../../util/index.js';
import { weightedMean } from './ensemble-scores.js';
import { chooseRows, chooseTeachers } from './generations.js';
import { readPatterns } from './patterns.js';
import { softLabelLoss } from './soft-labels.js';

const folder = workFolder('pet-ensemble');
const model = fileURLToPath(new URL('../../../../../models-zh/bert-tiny-zh', import.meta.url));
const rows = sampleFile(join(folder, 'train.tsv'), 16);
const dev = sampleFile(join(folder, 'dev.tsv'), 8, 0, 'dev.tsv');
const unlabelled = join(folder, 'unlabelled.jsonl');
const texts = readFileSync(sampleFile(join(folder, 'more.tsv'), 24, 100), 'utf8')
  .trimEnd()
  .split('\n')
  .slice(1);
writeFileSync(
  unlabelled,
  texts.map((line) => `${JSON.stringify({ text: line.split('\t').at(-1) })}\n`).join(''),
);

const options = {
  ...{ model, train: rows, dev, unlabelled: [unlabelled], method: 'pet_ensemble', sequenceLength: 32 },
  ...{
    batchSize: 8,
    epochs: 1,
    learningRate: 1e-4,
    device: 'cpu',
    numThreads: 1,
    loggingSteps: 1,
    finalEpochs: 1,
  },
  ...{ patterns: 'text,很,label,。;;"真",label,"，",text', labelWords: ['差', '好'], saveStrategy: 'none' },
};
const lines = (path: string) =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('the whole of PET', () => {
  it('trains a model for each pattern, labels rows, trains a classifier, and continues where it stopped', async () => {
    const output = join(folder, 'out');
    const before = memory().tensors;
    // Stopped in the second pattern's model.
    let step = 0;
    const stop = new AbortController();
    const log: string[] = [];
    const first = await runTrain({ ...options, output } as never, null, {
      signal: stop.signal,
      onStep: () => {
        if (++step === 3) stop.abort();
      },
    });
    expect(first.result.stopped).toBe('interrupted');
    expect(existsSync(join(output, 'easynlp.json'))).toBe(false);
    await expect(runTrain({ ...options, output } as never)).rejects.toMatchObject({
      code: 'TRAIN_OUTPUT_EXISTS',
    });

    const { result } = await runTrain({ ...options, output, resume: 'auto' } as never, null, {
      log: (line) => log.push(line),
    });
    expect(result.stopped).toBe('finished');
    expect(log).toContain('pet_ensemble: pattern-1-seed-42: done already');
    const soft = lines(join(output, 'stages/soft-labels.jsonl'));
    expect(soft).toHaveLength(24);
    for (const { scores, label } of soft) {
      const [one, two] = scores as number[];
      expect(label).toBe(one! >= two! ? '好评' : '差评');
    }
    // The classifier is a plain one; the models of the patterns can be used alone.
    expect((await readManifest(output)).task.method).toBeUndefined();
    for (const name of ['', 'stages/pattern-1-seed-42', 'stages/pattern-2-seed-42']) {
      expect((await evaluate({ model: join(output, name), data: dev })).rows).toBe(8);
    }
    expect(memory().tensors).toBe(before);

    // The same without the interruption.
    const whole = join(folder, 'whole');
    await runTrain({ ...options, output: whole } as never);
    const file = 'model.safetensors';
    for (const name of ['stages/pattern-2-seed-42', '.']) {
      expect(readFileSync(join(whole, name, file)).equals(readFileSync(join(output, name, file)))).toBe(true);
    }
  });

  it('as iPET trains generations on growing sets of rows', async () => {
    const output = join(folder, 'ipet');
    await runTrain({ ...options, output, generations: 1, generationFactor: 2, maxSteps: 1 } as never);
    const data = lines(join(output, 'stages/data/generation-1-model-1.jsonl'));
    expect(data.length).toBeGreaterThan(16);
    expect(data.length).toBeLessThanOrEqual(32);
    expect(existsSync(join(output, 'stages/generation-1-pattern-2-seed-42/easynlp.json'))).toBe(true);
  });

  it('tells before training what is missing', async () => {
    const output = join(folder, 'never');
    const wrong = async (changes: object) => runTrain({ ...options, output, ...changes } as never);
    await expect(wrong({ unlabelled: [] })).rejects.toMatchObject({ code: 'CONFIG_MISSING_VALUE' });
    await expect(wrong({ patterns: 'text,很,label', generations: 1 })).rejects.toMatchObject({
      code: 'CONFIG_CONFLICT',
    });
    await expect(wrong({ patterns: 'text,label,好;;text,好' })).rejects.toMatchObject({
      code: 'PROMPT_PATTERN',
    });
    expect(existsSync(output)).toBe(false);
  });
});

describe('the parts of it', () => {
  it('patterns stand in a file or between ;;', () => {
    const file = join(folder, 'patterns.txt');
    writeFileSync(file, '# reviews\ntext,label\n\nlabel,text\n');
    expect(readPatterns(file, undefined)).toEqual(['text,label', 'label,text']);
    expect(readPatterns('a ;; b', undefined)).toEqual(['a', 'b']);
    expect(readPatterns(undefined, 'a')).toEqual(['a']);
    expect(() => readPatterns('a;;a', undefined)).toThrow('twice');
  });

  it('scores are weighted means, equal where no pattern has any weight', () => {
    const scores = [[[1, 3]], [[5, 7]]];
    expect(weightedMean(scores, [3, 1])).toEqual([[2, 4]]);
    expect(weightedMean(scores, [0, 0])).toEqual([[3, 5]]);
  });

  it('the loss is the cross entropy with the softened scores', () => {
    tidy(() => {
      const logits = [
        [2, 0.5],
        [-0.3, 1.2],
      ];
      const scores = [
        [3, -1],
        [0.5, 0.7],
      ];
      const q = scores.map((row) =>
        row.map((s) => Math.exp(s / 2) / row.reduce((sum, t) => sum + Math.exp(t / 2), 0)),
      );
      const log = logits.map((row) =>
        row.map((z) => z - Math.log(row.reduce((sum, t) => sum + Math.exp(t), 0))),
      );
      const expected =
        -(
          q[0]![0]! * log[0]![0]! +
          q[0]![1]! * log[0]![1]! +
          q[1]![0]! * log[1]![0]! +
          q[1]![1]! * log[1]![1]!
        ) / 2;
      expect(softLabelLoss(tensor(logits), tensor(scores), 2).item()).toBeCloseTo(expected, 5);
    });
  });

  it('a generation takes rows of each label in proportion, never one twice, none that another label owns', () => {
    const rng = Rng.derive(1, 'test');
    const scores = Array.from({ length: 100 }, (_, i) => (i < 70 ? [i % 7, 0] : [0, 1 + (i % 5)]));
    const chosen = chooseRows(scores, [2, 8], 5, rng);
    const rowsOf = (label: number) => chosen.filter((c) => c.label === label).map((c) => c.row);
    expect(rowsOf(0)).toHaveLength(8);
    expect(rowsOf(1)).toHaveLength(30); // 32 are wanted, 30 are there
    expect(new Set(chosen.map((c) => c.row)).size).toBe(chosen.length);
    expect(rowsOf(0).every((row) => row < 70)).toBe(true);
    const teachers = chooseTeachers(9, 4, 0.25, rng);
    expect(teachers).toHaveLength(2);
    expect(teachers).not.toContain(4);
  });
});
