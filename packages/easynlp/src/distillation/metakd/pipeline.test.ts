import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import '../../methods.js';
import { readManifest } from '../../appzoo/artefact.js';
import { workFolder } from '../../predictor/models.fixture.js';
import { pipeline } from '../../predictor/pipeline.js';
import { train } from '../../trainer/train.js';
import { domainReviews, tinyModels, writeRows } from './metakd.fixture.js';
import type { MetakdReport } from './report.js';

const folder = workFolder('metakd');
const rows = writeRows(join(folder, 'rows.jsonl'), domainReviews(240));
const few = writeRows(join(folder, 'few.jsonl'), domainReviews(64));
let models: { teacher: string; student: string };
beforeAll(async () => {
  models = await tinyModels(folder);
});

const options = () => ({
  ...{ method: 'metakd', train: rows, teacherModel: models.teacher, model: models.student },
  ...{ batchSize: 8, sequenceLength: 16, learningRate: 1e-2, teacherLearningRate: 2e-3, device: 'cpu' },
  ...{ teacherEpochs: 8, layerEpochs: 2, epochs: 8, devFraction: 0.15, testFraction: 0.15, numThreads: 1 },
});
const read = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as MetakdReport;

describe('metakd', () => {
  it('goes from rows to a student a domain and a report, and does nothing twice', async () => {
    const output = join(folder, 'all');
    const lines: string[] = [];
    const result = await train({ ...options(), output }, { log: (line) => lines.push(line) });
    expect(result.stopped).toBe('finished');
    const report = read(join(output, 'report.json'));
    expect(report.domains.map((d) => d.domain)).toEqual(['书籍', '水果']);
    expect(report.evaluatedOn).toBe('test');
    expect(report.average.teacher).toBeGreaterThan(0.9);
    expect(report.average.student).toBeGreaterThan(0.7);
    expect(Object.keys(report.average)).toEqual(['teacher', 'student', 'kd', 'finetune']);
    expect(readFileSync(join(output, 'report.txt'), 'utf8')).toContain('MetaKD');

    // The weights are beside the rows, and they are cosines.
    const lineOf = readFileSync(join(output, 'data', 'train.jsonl'), 'utf8').split('\n')[0]!;
    const { weight } = JSON.parse(lineOf) as { weight: number };
    expect(Math.abs(weight)).toBeLessThanOrEqual(1);

    // A student is a plain model of the task, without a trace of how it was made.
    const student = join(output, 'students', '书籍');
    const manifest = await readManifest(student);
    expect(manifest.task).not.toHaveProperty('method');
    expect(result.output).toBe(join(output, 'students', '水果'));
    const classify = await pipeline('text_classify', student, { device: 'cpu' });
    expect((await classify('作者很差')).label).toBe('坏');
    classify.dispose();
    // The teacher answers without being told a domain.
    const teach = await pipeline('text_classify', join(output, 'teacher'), { device: 'cpu' });
    expect((await teach('苹果值得')).label).toBe('好');
    teach.dispose();

    lines.length = 0;
    await expect(train({ ...options(), output })).rejects.toMatchObject({ code: 'TRAIN_OUTPUT_EXISTS' });
    await train({ ...options(), output, resume: 'auto' }, { log: (line) => lines.push(line) });
    // Rows, teacher; layers, outputs, two baselines for each domain.
    expect(lines.filter((line) => line.endsWith('done before'))).toHaveLength(10);
    expect(read(join(output, 'report.json'))).toEqual(report);
  }, 60_000);

  it('a student alone needs a teacher that fits', async () => {
    const teacher = join(folder, 'all', 'teacher');
    const alone = {
      ...{ method: 'metakd_student', train: few, model: models.student, sequenceLength: 16 },
      ...{ output: join(folder, 'alone'), teacher: [teacher], maxSteps: 2, batchSize: 4, device: 'cpu' },
    };
    await expect(train({ ...alone, teacher: [] })).rejects.toMatchObject({ code: 'CONFIG_MISSING_VALUE' });
    await expect(train({ ...alone, teacher: [join(folder, 'all', 'finetune', '书籍')] })).rejects.toThrow(
      /teacher: expected a model trained with the method metakd_teacher, got .*finetune/,
    );
    await expect(train({ ...alone, labels: ['好', '坏'] })).rejects.toThrow(/labels: .*got 好,坏/);
    await expect(train({ ...alone, distillStage: 'first', distillParts: ['output'] })).rejects.toThrow(
      /distillParts/,
    );
    const strange = domainReviews(8).map((row, i) => (i === 2 ? { ...row, domain: '书藉' } : row));
    await expect(
      train({ ...alone, train: writeRows(join(folder, 'strange.jsonl'), strange) }),
    ).rejects.toThrow(/line 3, column "domain".*did you mean "书籍"/);
    const heavy = domainReviews(8).map((row, i) => ({ ...row, weight: i === 4 ? 'much' : 0.5 }));
    await expect(train({ ...alone, train: writeRows(join(folder, 'heavy.jsonl'), heavy) })).rejects.toThrow(
      /line 5, column "weight"/,
    );
    const other = { ...alone, model: undefined, architecture: 'bert' as const, vocabSize: 20 };
    await expect(train({ ...other, layers: 1, hiddenSize: 8, heads: 1 })).rejects.toThrow(
      /the vocabulary of the student/,
    );
    expect(existsSync(join(folder, 'alone', 'easynlp.json'))).toBe(false);
    // Rows of both domains, with scores of their own making.
    const { steps } = await train(alone);
    expect(steps).toBe(2);
  }, 60_000);

  it('continues where it was interrupted and ends with the same models', async () => {
    const small = { ...options(), train: few, baselines: ['none'], teacherEpochs: 2, epochs: 1 };
    const whole = join(folder, 'whole');
    await train({ ...small, output: whole });
    const output = join(folder, 'parts');
    const stop = new AbortController();
    const cut = await train(
      { ...small, output },
      { signal: stop.signal, onStep: ({ step }) => void (step === 7 && stop.abort()) },
    );
    expect(cut.stopped).toBe('interrupted');
    expect(existsSync(join(output, 'report.json'))).toBe(false);
    await train({ ...small, output, resume: 'auto' });
    expect(read(join(output, 'report.json'))).toEqual(read(join(whole, 'report.json')));
    const sums = async (run: string) => (await readManifest(join(run, 'students', '书籍'))).files;
    expect((await sums(output))['model.safetensors']).toBe((await sums(whole))['model.safetensors']);
  }, 60_000);

  it('gives all distilled students the same rows without labels, and gold labels the same weight', async () => {
    const output = join(folder, 'unlabelled');
    const more = domainReviews(80).map(({ label: _, ...row }) => ({ ...row, text: `${row.text}！` }));
    const lines: string[] = [];
    await train(
      {
        ...{ ...options(), output, rowsPerDomain: 40, unlabelledPerDomain: 30, labelledRepeat: 2 },
        ...{ unlabelled: [writeRows(join(folder, 'more.jsonl'), more)], labelLossWeight: 0.25 },
        ...{ teacherEpochs: 1, epochs: 1, layerEpochs: 2 },
      },
      { log: (line) => lines.push(line) },
    );
    const rowsOf = (name: string) =>
      readFileSync(join(output, 'data', '书籍', `${name}.jsonl`), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    const unlabelled = rowsOf('unlabelled');
    expect(unlabelled).toHaveLength(30 + 40);
    expect(unlabelled.every((row) => Object.keys(row).sort().join() === 'domain,text,weight')).toBe(true);
    expect(unlabelled.every((row) => (row.weight as number) > 0 && (row.weight as number) <= 1)).toBe(true);
    const labelled = rowsOf('train').length;
    const trained = 2 * labelled + unlabelled.length;
    const configOf = (model: string) =>
      parse(readFileSync(join(output, model, 'training', 'config.yaml'), 'utf8')) as object;
    expect(lines.filter((line) => line.startsWith(`text_classify: ${trained} rows`))).toHaveLength(6);
    expect(configOf('kd/书籍')).toMatchObject({ alpha: 0.8, epochs: 3, labelledRepeat: 2 });
    expect(configOf('students/书籍-first')).toMatchObject({ epochs: 2 });
    expect(configOf('students/书籍')).toMatchObject({ epochs: 1, labelLossWeight: 0.25 });
    expect(configOf('finetune/书籍')).toMatchObject({ epochs: 3 });
    const [first] = read(join(output, 'report.json')).domains;
    expect(first!.rows).toMatchObject({ train: labelled, unlabelled: 70 });
    await expect(
      train({ ...options(), output: join(folder, 'no-rest'), unlabelledPerDomain: 5 }),
    ).rejects.toMatchObject({ code: 'CONFIG_CONFLICT' });
  }, 60_000);

  it('distills in two stages, with parts left out', async () => {
    const output = join(folder, 'two');
    await train({
      ...{
        ...options(),
        train: few,
        output,
        distillSchedule: 'two-stage',
        baselines: ['none'],
        prototypes: 'domain',
      },
      ...{ distillParts: ['hidden', 'output'], teacherEpochs: 1, epochs: 1 },
    });
    expect(existsSync(join(output, 'students', '书籍-first', 'easynlp.json'))).toBe(true);
    expect(read(join(output, 'report.json')).average).not.toHaveProperty('kd');
  }, 60_000);

  it('says what is wrong before anything is trained', async () => {
    const output = join(folder, 'never');
    const given = { ...options(), output };
    await expect(train({ ...given, teacherModel: undefined })).rejects.toMatchObject({
      code: 'CONFIG_MISSING_VALUE',
      message: expect.stringContaining('teacherModel'),
    });
    await expect(train({ ...given, domains: ['书籍', '水菓'] })).rejects.toMatchObject({
      code: 'CONFIG_INVALID_VALUE',
      message: expect.stringContaining('水果'),
    });
    const one = writeRows(
      join(folder, 'one.jsonl'),
      domainReviews(40).filter((row) => row.domain === '书籍'),
    );
    const again = { ...given, overwrite: true };
    await expect(train({ ...again, train: one })).rejects.toMatchObject({ code: 'DATA_LABELS' });
    const nameless = writeRows(
      join(folder, 'nameless.jsonl'),
      domainReviews(40).map(({ domain: _, ...row }) => row),
    );
    await expect(train({ ...again, train: nameless })).rejects.toMatchObject({
      code: 'DATA_COLUMN_UNKNOWN',
      message: expect.stringContaining('domain'),
    });
    expect(existsSync(join(output, 'teacher'))).toBe(false);
  });
});
