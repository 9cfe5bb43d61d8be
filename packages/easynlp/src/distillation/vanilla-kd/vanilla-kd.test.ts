import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import '../../methods.js';
import { openArtefact, readManifest } from '../../appzoo/artefact.js';
import { openTable } from '../../datahub/index.js';
import { evaluate } from '../../predictor/evaluate.js';
import {
  questionPairs,
  reviews,
  tiny,
  trainTiny,
  workFolder,
  writeTsv,
} from '../../predictor/models.fixture.js';
import { predict } from '../../predictor/predict.js';
import { metricsOf, remains, runTrain } from '../../trainer/runs.fixture.js';
import { train } from '../../trainer/train.js';
import { Teacher } from '../shared/teacher.js';

const folder = workFolder('kd');
const file = (name: string) => join(folder, name);
const rows = writeTsv(file('train.tsv'), reviews(40));
const dev = writeTsv(file('dev.tsv'), reviews(20));
const unlabelled = writeTsv(
  file('unlabelled.tsv'),
  reviews(60).map(({ text }) => ({ text: `${text}！` })),
);
let teacher = '';
let logits = '';

/** A student that trains in half a second. */
const student = (options: Record<string, unknown> = {}) => ({
  ...tiny('bert'),
  maxSteps: undefined,
  epochs: 2,
  method: 'kd',
  train: rows,
  dev,
  loggingSteps: 1,
  ...options,
});
type Logged = { event: string; parts?: { soft: number; hard: number }; loss?: number };
const logged = (output: string) =>
  metricsOf(output)
    .map((line) => JSON.parse(line) as Logged)
    .filter(({ event }) => event === 'train');

beforeAll(async () => {
  teacher = await trainTiny(folder, 'bert');
  logits = file('logits.tsv');
  await predict({ model: teacher, input: [rows], output: logits, outputSchema: ['logits'], device: 'cpu' });
});

describe('method kd', () => {
  it('learns the same from a file of logits, from a column, and from the teacher itself', async () => {
    const lines = readFileSync(logits, 'utf8').trimEnd().split('\n');
    const [header, ...table] = readFileSync(rows, 'utf8').trimEnd().split('\n');
    writeFileSync(
      file('column.tsv'),
      `${[`${header}\tteacher`, ...table.map((line, i) => `${line}\t${lines[i]}`)].join('\n')}\n`,
    );
    const outputs: string[] = [];
    for (const from of [
      { teacherLogits: [logits] },
      { teacherLogitsColumn: 'teacher', train: file('column.tsv') },
      { teacher: [teacher] },
    ]) {
      outputs.push(file(`same-${outputs.length}`));
      await train(student({ ...from, output: outputs.at(-1), seed: 3, dropout: 0, maxSteps: 2 }));
    }
    const losses = outputs.map((output) => logged(output).map(({ loss }) => loss));
    expect(losses[1]).toEqual(losses[0]);
    expect(losses[2]).toEqual(losses[0]);
    const manifest = await readManifest(outputs[2]!);
    expect(manifest.task.method).toBeUndefined();
    expect((await evaluate({ model: outputs[2]!, data: dev, device: 'cpu' })).rows).toBe(20);
  });

  it('comes close to its teacher, without seeing a label', async () => {
    const output = file('close');
    await train(student({ teacher: [teacher], alpha: 1, unlabelled: [unlabelled], epochs: 12, output }));
    const soft = logged(output).map(({ parts }) => parts!.soft);
    expect(soft.at(-1)).toBeLessThan(0.2 * soft[0]!);
    const { metrics } = await evaluate({ model: output, data: dev, device: 'cpu' });
    const own = await evaluate({ model: teacher, data: dev, device: 'cpu' });
    expect(metrics.accuracy).toBeGreaterThanOrEqual(own.metrics.accuracy! - 0.1);
  });

  it('mixes unlabelled and repeated rows into every epoch', async () => {
    const output = file('mixed');
    const lines: string[] = [];
    const { result } = await runTrain(
      student({ teacher: [teacher], unlabelled: [unlabelled], labelledRepeat: 3, epochs: 1, output }),
      null,
      { log: (line) => void lines.push(line) },
    );
    expect(result.steps).toBe((3 * 40 + 60) / 8 + 0.5);
    expect(lines.join('\n')).toMatch(/180 rows/);
    expect(lines.join('\n')).toMatch(/logits of 100 rows/);
  });

  it('takes the mean of several teachers by weight', async () => {
    const other = file('other.tsv');
    writeFileSync(
      other,
      `${readFileSync(logits, 'utf8')
        .trimEnd()
        .split('\n')
        .map(() => '5,-5')
        .join('\n')}\n`,
    );
    const options = (weights: number[]) =>
      student({
        teacherLogits: [logits, other],
        teacherWeights: weights,
        alpha: 1,
        maxSteps: 1,
        output: file(`w${weights.join('-')}`),
      });
    const losses = [];
    for (const weights of [[], [1, 1], [1, 1e-9], [1e-9, 1]]) {
      losses.push((await runTrain(options(weights))).losses.get(1));
    }
    const alone = await runTrain(
      student({ teacherLogits: [logits], alpha: 1, maxSteps: 1, output: file('alone') }),
    );
    expect(losses[0]).toBe(losses[1]);
    expect(losses[2]).toBeCloseTo(alone.losses.get(1)!, 5);
    expect(losses[3]).not.toBeCloseTo(losses[2]!, 1);
  });

  it('resumes bitwise, with schedules and unlabelled rows', async () => {
    const options = student({
      teacher: [teacher],
      unlabelled: [unlabelled],
      temperature: 4,
      temperatureEnd: 1,
      alpha: 0.9,
      alphaEnd: 0.3,
      loggingSteps: 3,
      keepLast: 0,
    });
    const whole = file('whole');
    await runTrain({ ...options, output: whole });
    const parts = file('parts');
    await runTrain({ ...options, output: parts }, 7);
    expect(existsSync(join(parts, 'easynlp.json'))).toBe(false);
    await runTrain({ ...options, output: parts, resume: 'auto' });
    expect(remains(parts)).toEqual(remains(whole));
    // A teacher that was trained again has the same name.
    const other = file('other-teacher');
    await train({ ...tiny('bert'), train: rows, output: other, maxSteps: 3 });
    const again = { ...options, output: parts, epochs: 3, allowChanged: ['epochs', 'teacher'] };
    renameSync(teacher, `${teacher}-kept`);
    renameSync(other, teacher);
    try {
      await expect(runTrain({ ...again, allowChanged: ['epochs'], resume: 'auto' })).rejects.toMatchObject({
        code: 'RESUME_CHANGED',
        details: { field: 'teacher' },
      });
      await runTrain({ ...again, resume: 'auto' });
    } finally {
      renameSync(teacher, other);
      renameSync(`${teacher}-kept`, teacher);
    }
  });

  it('reads the labels by name, whatever order the teacher has', async () => {
    const turned = file('turned');
    await train({ ...tiny('bert'), train: rows, output: turned, labels: ['差评', '好评'], maxSteps: 9 });
    const source = await openTable(rows);
    const { tokenizer, spec } = await openArtefact(turned);
    const columns = ['label', 'text'];
    const runtime = { device: 'cpu', precision: 'fp32' } as const;
    const logitsFor = async (labels: readonly string[]) => {
      const student = { tokenizer, spec: { ...spec, labels } };
      const asked = await Teacher.open(turned, student, runtime, columns);
      try {
        return await asked.logits(source, { batchSize: 7 });
      } finally {
        asked.dispose();
      }
    };
    const own = await logitsFor(['差评', '好评']);
    const swapped = await logitsFor(['好评', '差评']);
    expect([own.rows, own.width]).toEqual([40, 2]);
    for (let i = 0; i < own.data.length; i += 2) {
      expect([swapped.data[i], swapped.data[i + 1]]).toEqual([own.data[i + 1], own.data[i]]);
    }
    expect(swapped.data).not.toEqual(own.data);
  });

  it('works for pairs', async () => {
    const data = writeTsv(file('pairs.tsv'), questionPairs(40));
    const pairs = { ...tiny('bert'), app: 'text_match', train: data, maxSteps: 5 };
    await train({ ...pairs, output: file('pair-teacher') });
    const output = file('pair-student');
    await train({ ...pairs, method: 'kd', teacher: [file('pair-teacher')], output });
    expect((await readManifest(output)).app).toBe('text_match');
  });

  it('works for scores: the distance is squared, and unlabelled pairs have no score', async () => {
    const scored = questionPairs(24).map(({ label, ...pair }, i) => ({
      ...pair,
      label: String(Number(label) * 3 + (i % 2)),
    }));
    const data = writeTsv(file('scores.tsv'), scored);
    const more = writeTsv(
      file('no-scores.tsv'),
      scored.map(({ label: _, ...pair }) => pair),
    );
    const pairs = { ...tiny('bert'), app: 'text_match_regression', train: data, maxSteps: 8 };
    await train({ ...pairs, output: file('score-teacher') });
    const output = file('score-student');
    const teach = {
      method: 'kd',
      teacher: [file('score-teacher')],
      unlabelled: [more],
      alpha: 1,
      loggingSteps: 1,
    };
    await train({ ...pairs, ...teach, output });
    const [first] = logged(output);
    expect(first!.loss).toBeCloseTo(first!.parts!.soft, 5);
    expect((await readManifest(output)).app).toBe('text_match_regression');
  });

  it('takes texts that a language model makes, labelled by the teacher', async () => {
    const lines: string[] = [];
    const { result } = await runTrain(
      student({
        teacher: [teacher],
        augment: 2,
        augmentModel: 'bert-tiny-zh',
        epochs: 1,
        batchSize: 40,
        output: file('augmented'),
      }),
      null,
      { log: (line) => void lines.push(line) },
    );
    const made = Number(/augmentation: (\d+) further texts/.exec(lines.join('\n'))?.[1]);
    expect(made).toBeGreaterThan(40);
    expect(made).toBeLessThanOrEqual(80);
    expect(result.steps).toBe(Math.ceil((40 + made) / 40));
  });

  it('leaves no tensors behind', async () => {
    const { memory } = await import('@easynlp/torch');
    const before = memory().tensors;
    await train(student({ teacher: [teacher], maxSteps: 2, output: file('tidy') }));
    expect(memory().tensors).toBe(before);
  });
});

describe('method kd refuses', () => {
  const refusal = (options: Record<string, unknown>) => train(student({ output: file('never'), ...options }));
  const lines = () => readFileSync(logits, 'utf8').trimEnd().split('\n');
  const written = (name: string, list: readonly string[]) => {
    writeFileSync(file(name), `${list.join('\n')}\n`);
    return [file(name)];
  };

  it('files of the wrong length', async () => {
    await expect(refusal({ teacherLogits: written('short', lines().slice(0, 37)) })).rejects.toMatchObject({
      code: 'DISTILL_LOGITS',
      message: expect.stringMatching(/short, line 37: the file has logits of 37 rows, but .* has 40 rows/),
    });
    await expect(
      refusal({ teacherLogits: written('long', [...lines(), '1,2', '1,2']) }),
    ).rejects.toMatchObject({ message: expect.stringMatching(/long, line 41: .*42 rows/) });
  });

  it('lines with another number of columns, NaN, or words', async () => {
    const broken = (text: string) => written('broken', lines().with(11, text));
    for (const [text, reason] of [
      ['1,2,3', '3 numbers, expected 2'],
      ['1', '1 number, expected 2'],
      ['nan,1', '"nan" is not a number'],
      ['inf,1', '"inf" is not a number'],
      ['1e400,1', 'logit 1 is Infinity'],
      ['好,坏', '"好" is not a number'],
      ['1,', '"" is not a number'],
    ] as const) {
      await expect(refusal({ teacherLogits: broken(text) })).rejects.toMatchObject({
        code: 'DISTILL_LOGITS',
        message: expect.stringContaining(`line 12: ${reason}`),
      });
    }
    expect(existsSync(file('never'))).toBe(false);
  });

  it('a teacher with other labels, of pairs, or of nothing', async () => {
    const three = reviews(30).map((row, i) => (i % 5 === 0 ? { ...row, label: '中评' } : row));
    const output = file('three');
    await train({ ...tiny('bert'), train: writeTsv(file('three.tsv'), three), output, maxSteps: 2 });
    await expect(refusal({ teacher: [output] })).rejects.toMatchObject({
      code: 'DISTILL_TEACHER',
      message: expect.stringMatching(/its labels are .*中评.*, the student's /),
    });
    await expect(refusal({ teacher: [await trainTiny(folder, 'bert', { pair: true })] })).rejects.toThrow(
      /cannot teach/,
    );
    await expect(refusal({ teacher: [file('nowhere')] })).rejects.toMatchObject({
      code: 'HUB_FOLDER_NOT_FOUND',
    });
  });

  it('contradictions', async () => {
    const conflict = { code: 'CONFIG_CONFLICT' };
    await expect(refusal({})).rejects.toMatchObject({
      ...conflict,
      message: expect.stringMatching(/kd needs a teacher/),
    });
    await expect(refusal({ teacher: [teacher], teacherLogits: [logits] })).rejects.toMatchObject(conflict);
    await expect(refusal({ teacher: [teacher], teacherWeights: [1, 2] })).rejects.toMatchObject(conflict);
    await expect(refusal({ teacherLogits: [logits], unlabelled: [unlabelled] })).rejects.toMatchObject(
      conflict,
    );
    await expect(refusal({ teacher: [teacher], augment: 1 })).rejects.toMatchObject(conflict);
    await expect(refusal({ teacher: [teacher], unlabelled: [dev, logits] })).rejects.toMatchObject({
      code: 'DATA_COLUMN_UNKNOWN',
    });
  });
});
