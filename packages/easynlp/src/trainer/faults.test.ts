import fs, { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { TrainOptions } from '../config/index.js';
import { pipeline } from '../predictor/pipeline.js';
import { CheckpointStore, readCheckpoint } from './checkpoint.js';
import { checkpointsOf, KINDS, remains, runTrain, sampleFile, tiny, workFolder } from './runs.fixture.js';

const folder = workFolder('faults');
const train = sampleFile(join(folder, 'train.tsv'), 60);
let number = 0;
const fresh = () => join(folder, `run-${number++}`);
const write = (text: string) => {
  const path = join(folder, `data-${number++}.tsv`);
  writeFileSync(path, text);
  return path;
};
const base = { ...tiny('text-cnn', { epochs: 1 }), train };
const SIX = readFileSync(train, 'utf8').split('\n').slice(0, 6).join('\n');
afterEach(() => vi.restoreAllMocks());

describe('data', () => {
  const two = 'label\ttext\n好评\t不错\n差评\t太慢\n';
  const cases: [string, () => Partial<TrainOptions>, string, RegExp][] = [
    [
      'a label outside the set, in train',
      () => ({ train: write(`${SIX}\n中评\t还行\t数码\n`), labels: ['好评', '差评'] }),
      'DATA_LABEL_UNKNOWN',
      /data-\d+\.tsv, line 7, column "label": the label "中评"/,
    ],
    [
      'a label outside the set, in dev',
      () => ({ dev: write(`${SIX}\n中评\t还行\t数码\n`) }),
      'DATA_LABEL_UNKNOWN',
      /data-\d+\.tsv, line 7, column "label": the label "中评"/,
    ],
    [
      'a label outside the set, deep in a file that is read while it trains',
      () => ({
        train: write(`label\ttext\n${'好评\t好\n差评\t差\n'.repeat(33_000)}中评\t还行\n`),
        labels: ['好评', '差评'],
      }),
      'DATA_LABEL_UNKNOWN',
      /line 66002, column "label": the label "中评"/,
    ],
    ['an empty label', () => ({ train: write(`${two}\t好\n`) }), 'DATA_CELL', /line 4, column "label"/],
    ['a row too long', () => ({ train: write(`${SIX}\n好评\tx\ty\tz\n`) }), 'DATA_COLUMN_COUNT', /line 7/],
    ['a row too short', () => ({ train: write(`${SIX}\n好评\n`) }), 'DATA_COLUMN_COUNT', /line 7/],
    ['a malformed row in dev', () => ({ dev: write(`${SIX}\n好评\n`) }), 'DATA_COLUMN_COUNT', /line 7/],
    ['no column of texts', () => ({ train: write('a\tb\n1\tx\n0\ty\n') }), 'DATA_COLUMN_UNKNOWN', /"a", "b"/],
    ['a column that is not there', () => ({ firstSequence: 'txt' }), 'DATA_COLUMN_UNKNOWN', /mean "text"/],
    ['other columns in dev', () => ({ dev: write('label\tb\n好评\tx\n') }), 'DATA_COLUMN_UNKNOWN', /"b"/],
    ['an empty file', () => ({ train: write('') }), 'DATA_EMPTY', /data-\d+\.tsv/],
    ['a header alone', () => ({ train: write('label\ttext\n') }), 'DATA_EMPTY', /data-\d+\.tsv/],
    ['an empty dev file', () => ({ dev: write('') }), 'DATA_EMPTY', /data-\d+\.tsv/],
    ['no such file', () => ({ train: join(folder, 'none.tsv') }), 'DATA_FILE_NOT_FOUND', /none\.tsv/],
    ['a folder', () => ({ train: folder }), 'DATA_FILE_UNREADABLE', /folder/],
    ['one row, hence one label', () => ({ train: write('label\ttext\n好评\tx\n') }), 'DATA_LABELS', /好评/],
    [
      'a metric that three labels do not have',
      () => {
        const three = write('label\ttext\na\tx\nb\ty\nc\tz\n');
        return { train: three, dev: three, bestMetric: 'f1' };
      },
      'CONFIG_INVALID_VALUE',
      /bestMetric: expected a figure of this task: accuracy, macro_f1/,
    ],
  ];

  it.each(cases)('%s', async (_, options, code, message) => {
    const output = fresh();
    const steps: number[] = [];
    const failed = runTrain({ ...base, ...options(), output }, null, {
      onStep: ({ step }) => steps.push(step),
    });
    await expect(failed).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    expect(steps).toEqual([]);
    expect(existsSync(output)).toBe(false);
  });

  it.each(KINDS)('%s: one row, a last batch of one row, only empty texts', async (kind) => {
    const labels = ['好评', '差评'];
    const one = write('label\ttext\n好评\t不错\n');
    await expect(
      runTrain({ ...tiny(kind, { epochs: 1, labels }), train: one, output: fresh() }),
    ).rejects.toMatchObject({
      code: 'FEWSHOT_ROWS',
      message: expect.stringContaining('its only row has the label "好评"'),
    });
    const two = write('label\ttext\n好评\t不错\n差评\t很差\n');
    const empty = write('label\ttext\n好评\t\n差评\t\n好评\t\n');
    for (const [file, steps] of [
      [two, 1],
      [sampleFile(join(folder, 'eleven.tsv'), 11), 2],
      [empty, 1],
    ] as const) {
      const output = fresh();
      const run = await runTrain({ ...tiny(kind, { epochs: 1, labels }), train: file, dev: file, output });
      expect(run.result).toMatchObject({ steps, stopped: 'finished' });
      for (const loss of run.losses.values()) expect(Number.isFinite(loss)).toBe(true);
      const model = await pipeline('text_classify', output, { device: 'cpu' });
      expect(labels).toContain((await model('')).label);
      model.dispose();
    }
  });

  it('more tokens than the model has positions', async () => {
    const small = fresh();
    await runTrain({ ...tiny('bert', { epochs: 1, maxSteps: 1 }), train, output: small });
    const model = fresh();
    cpSync(small, model, { recursive: true });
    const config = JSON.parse(readFileSync(join(model, 'config.json'), 'utf8'));
    writeFileSync(join(model, 'config.json'), JSON.stringify({ ...config, max_position_embeddings: 16 }));
    const output = fresh();
    const options = { model, fromScratch: true, train, output, device: 'cpu', epochs: 1 } as const;
    await expect(runTrain({ ...options, sequenceLength: 17 })).rejects.toMatchObject({
      code: 'CONFIG_INVALID_VALUE',
      message: 'sequenceLength: expected at most 16, the positions that the model has, got 17',
    });
    expect(existsSync(output)).toBe(false);
    await runTrain({ ...options, sequenceLength: 16, maxSteps: 1 });
  });
});

describe('a loss that is lost', () => {
  it('stops training; the last good checkpoint can be continued from', async () => {
    const output = fresh();
    const options = { ...base, output, schedule: 'constant', saveSteps: 1, keepLast: 0 } as const;
    const failed = runTrain({ ...options, warmupSteps: 3, learningRate: 1e35 });
    await expect(failed).rejects.toMatchObject({
      code: 'TRAIN_LOSS_NOT_FINITE',
      exitCode: 6,
      hint: expect.stringContaining('step-0000000'),
    });
    const [first] = checkpointsOf(output);
    const content = await readCheckpoint(first!);
    for (const tensor of content.tensors.model!.values()) expect(tensor.isfinite().all().item()).toBe(true);
    const again = { ...options, warmupSteps: 0, learningRate: 1e-3, resume: first! };
    const allowChanged = ['learningRate', 'warmupSteps'];
    expect((await runTrain({ ...again, allowChanged })).result).toMatchObject({
      stopped: 'finished',
      steps: 6,
    });
  });
});

describe('damaged checkpoints', () => {
  const whole = fresh();
  const options = { ...base, saveSteps: 2, keepLast: 0 };
  let expected: Record<string, unknown>;
  beforeAll(async () => {
    await runTrain({ ...options, output: whole });
    expected = remains(whole);
  });

  const flip = (path: string) => {
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(path, bytes);
  };
  const damages: [string, (checkpoint: string) => void, RegExp][] = [
    ...[
      'model.safetensors',
      'optimizer.safetensors',
      'rng.safetensors',
      'loop.safetensors',
      'state.json',
    ].flatMap((name): [string, (checkpoint: string) => void, RegExp][] => [
      [`${name} cut short`, (c) => fs.truncateSync(join(c, name), 20), /has 20 bytes instead of \d+/],
      [`${name} with one bit changed`, (c) => flip(join(c, name)), /does not match its checksum/],
      [`${name} missing`, (c) => fs.rmSync(join(c, name)), /is missing/],
    ]),
    ['no manifest', (c) => fs.rmSync(join(c, 'manifest.json')), /manifest\.json is missing or unreadable/],
    ['half a manifest', (c) => fs.truncateSync(join(c, 'manifest.json'), 30), /missing or unreadable/],
    ...['{}', 'null', '[]', '7', '{"state.json":null}', '{"../x":{}}'].map(
      (text): [string, (checkpoint: string) => void, RegExp] => [
        `the manifest ${text}`,
        (c) => writeFileSync(join(c, 'manifest.json'), text),
        /manifest\.json does not list the checkpoint's files/,
      ],
    ),
    ['an empty folder', (c) => fs.rmSync(c, { recursive: true }) ?? mkdirSync(c), /missing or unreadable/],
  ];

  it.each(damages)('%s', async (_, damage, reason) => {
    const output = fresh();
    cpSync(whole, output, { recursive: true });
    const [older, newer, last] = checkpointsOf(output);
    fs.rmSync(last!, { recursive: true });
    damage(newer!);
    await expect(runTrain({ ...options, output, resume: newer! })).rejects.toMatchObject({
      code: 'CHECKPOINT_DAMAGED',
      message: expect.stringMatching(reason),
    });
    const lines: string[] = [];
    const { losses } = await runTrain({ ...options, output, resume: 'auto' }, null, {
      log: (line) => void lines.push(line),
    });
    expect(lines).toContainEqual(
      expect.stringMatching(`checkpoint ${newer} is left out: .*${reason.source}`),
    );
    expect(lines).toContainEqual(expect.stringContaining(`continuing from ${older} at step 2`));
    expect([...losses.keys()]).toEqual([3, 4, 5, 6]);
    expect(remains(output)).toEqual(expected);
  });

  it('with keepLast 1 a damaged newer checkpoint does not push out the good one', async () => {
    const output = fresh();
    cpSync(whole, output, { recursive: true });
    flip(join(checkpointsOf(output)[2]!, 'state.json'));
    await runTrain({ ...options, output, keepLast: 1, saveSteps: 1, resume: 'auto' }, 5);
    expect(checkpointsOf(output).map((c) => c.slice(-1))).toEqual(['5']);
    expect((await new CheckpointStore(join(output, 'training/checkpoints'), 1).latest()).skipped).toEqual([]);
  });

  it('a process that died between the two renames of a replacement loses nothing', async () => {
    const output = fresh();
    cpSync(whole, output, { recursive: true });
    const checkpoints = join(output, 'training/checkpoints');
    fs.renameSync(join(checkpoints, 'step-00000006'), join(checkpoints, '.step-00000006.old-0a1b2c3d'));
    const best = join(output, 'training/best');
    fs.renameSync(best, join(output, 'training/.best.old-0a1b2c3d'));
    const { losses } = await runTrain({ ...options, output, resume: 'auto' });
    expect(losses.size).toBe(0);
    expect(remains(output)).toEqual(expected);
  });

  it('a process that died while publishing: the rest follows', async () => {
    const names = readdirSync(whole).filter((name) => name !== 'training');
    for (const gone of [['easynlp.json'], ['easynlp.json', 'config.json'], names]) {
      const output = fresh();
      cpSync(whole, output, { recursive: true });
      for (const name of gone) fs.rmSync(join(output, name));
      await runTrain({ ...options, output, resume: 'auto' });
      expect(remains(output)).toEqual(expected);
      expect(readdirSync(output).sort()).toEqual(readdirSync(whole).sort());
    }
  });
});

describe('resuming with other options', () => {
  const start = async (options: Partial<TrainOptions> = {}) => {
    const output = fresh();
    await runTrain({ ...base, epochs: 2, ...options, output }, 4);
    return output;
  };

  it.each([
    ['learningRate', { learningRate: 1e-3 }],
    ['batchSize', { batchSize: 12 }],
    ['epochs', { epochs: 3 }],
    ['seed', { seed: 1 }],
    ['optimizer', { optimizer: 'sgd' }],
    ['dropout', { dropout: 0 }],
  ] as const)('%s', async (field, change) => {
    const output = await start();
    await expect(runTrain({ ...base, epochs: 2, ...change, output, resume: 'auto' })).rejects.toMatchObject({
      code: 'RESUME_CHANGED',
      exitCode: 2,
      message: expect.stringContaining(`with ${field} = `),
      hint: expect.stringContaining(`--allow-changed ${field}`),
    });
    expect(existsSync(join(output, 'easynlp.json'))).toBe(false);
  });

  it('what is allowed takes effect', async () => {
    const change = { epochs: 3, learningRate: 1e-3, weightDecay: 0.5 };
    const allowChanged = ['epochs', 'learningRate', 'weightDecay'];
    const output = await start();
    const options = { ...base, ...change, output, resume: 'auto', allowChanged };
    const { result, rates } = await runTrain(options);
    expect(result).toMatchObject({ stopped: 'finished', steps: 18, epochs: 3 });
    // Linear from 18 steps on, warm-up of one.
    expect(rates.get(5)).toBeCloseTo(1e-3 * (1 - 3 / 17), 10);
    const { extra } = await readCheckpoint(checkpointsOf(output).at(-1)!);
    const groups = (extra.optimizer as { groups: { weightDecay: number }[] }).groups;
    expect(groups.map((group) => group.weightDecay)).toEqual([0.5, 0]);
  });

  it('other batches begin the epoch anew', async () => {
    const output = await start();
    const lines: string[] = [];
    const options = {
      ...base,
      epochs: 2,
      batchSize: 20,
      allowChanged: ['batchSize'],
      output,
      resume: 'auto',
    };
    const { result } = await runTrain(options, null, { log: (line) => void lines.push(line) });
    expect(lines).toContain('the order of the data has changed: the epoch begins anew');
    expect(result.stopped).toBe('finished');
  });

  it('an optimizer that does not fit is refused in words', async () => {
    const output = await start();
    const options = {
      ...base,
      epochs: 2,
      optimizer: 'sgd',
      allowChanged: ['optimizer'],
      output,
      resume: 'auto',
    } as const;
    await expect(runTrain(options)).rejects.toMatchObject({
      code: 'CHECKPOINT_DAMAGED',
      message: expect.stringContaining('does not fit this model and optimizer (changed: optimizer)'),
    });
  });

  it('a data file that was edited, even to the same size', async () => {
    const file = sampleFile(join(folder, 'edited.tsv'), 60);
    const output = await start({ train: file });
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace('好评', '差评'));
    const options = { ...base, epochs: 2, train: file, output, resume: 'auto' };
    await expect(runTrain(options)).rejects.toMatchObject({
      code: 'RESUME_CHANGED',
      message: expect.stringContaining('trainSha256'),
    });
    writeFileSync(file, text);
    await expect(runTrain(options)).resolves.toBeDefined();
  });
});

describe('the output folder', () => {
  it('is not written over without being asked to', async () => {
    const output = fresh();
    await runTrain({ ...base, output });
    const before = remains(output);
    await expect(runTrain({ ...base, output })).rejects.toMatchObject({ code: 'TRAIN_OUTPUT_EXISTS' });
    expect(remains(output)).toEqual(before);
    await runTrain({ ...base, output, seed: 1, overwrite: true });
    expect(remains(output)).not.toEqual(before);
  });

  it('that is a file, or lies below one', async () => {
    for (const output of [train, join(train, 'below')]) {
      await expect(runTrain({ ...base, output })).rejects.toMatchObject({
        code: 'TRAIN_OUTPUT',
        exitCode: 7,
        message: expect.stringContaining(train),
      });
    }
  });

  it.runIf(process.platform === 'linux')(
    'a disk that fills up while a checkpoint is written: the one before stays',
    async () => {
      const output = fresh();
      const options = { ...base, saveSteps: 1, output };
      const { writeSync } = fs;
      let writes = 0;
      vi.spyOn(fs, 'writeSync').mockImplementation(((fd: number, ...rest: [Uint8Array]) => {
        // The third checkpoint's second file, of which the beginning still fits.
        const path = fs.readlinkSync(`/proc/self/fd/${fd}`);
        if (/step-00000003.*optimizer\.safetensors/.test(path) && ++writes === 2) {
          throw Object.assign(new Error('ENOSPC: no space left on device, write'), {
            code: 'ENOSPC',
            syscall: 'write',
          });
        }
        return writeSync(fd, ...rest);
      }) as typeof writeSync);
      await expect(runTrain(options)).rejects.toMatchObject({
        code: 'TRAIN_OUTPUT',
        exitCode: 7,
        message: expect.stringMatching(/optimizer\.safetensors.*bytes.*no space left/s),
      });
      vi.restoreAllMocks();
      const [good, ...none] = checkpointsOf(output);
      expect(none).toEqual([]);
      expect(readdirSync(join(output, 'training/checkpoints'))).toHaveLength(1);
      await readCheckpoint(good!);
      const whole = fresh();
      await runTrain({ ...options, output: whole });
      await runTrain({ ...options, resume: 'auto' });
      expect(remains(output)).toEqual(remains(whole));
    },
  );
});
