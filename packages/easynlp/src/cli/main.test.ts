import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { EasyNlpError } from '../errors/index.js';
import { EASYNLP_FLAGS } from './easynlp-flag-table.js';
import { FakeIo } from './fake-io.fixture.js';
import { processIo } from './io.js';
import { buildProgram, main, VERSION } from './main.js';

const TRAIN = ['train', 'text_classify', '--train', 'a.tsv', '--architecture', 'text-cnn', '--output', 'out'];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'easynlp-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function run(argv: string[], io = new FakeIo()) {
  return {
    code: await main(argv, io),
    io,
    config: io.calls[0]?.config as unknown as Record<string, unknown>,
  };
}

describe('easynlp', () => {
  it('has a frozen surface: a change of flags must be meant', async () => {
    const program = await buildProgram(new FakeIo());
    const lines = program.commands
      .flatMap((command) => [command, ...command.commands])
      .flatMap((command) => [
        `easynlp ${command.parent === program ? '' : `${command.parent?.name()} `}${command.name()} ${command.registeredArguments.map((a) => `[${a.name()}]`).join(' ')}`.trimEnd(),
        ...command.options.map((o) => `  ${o.flags}`),
      ]);
    const own = EASYNLP_FLAGS.map((f) => `  ${f.names.map((n) => `--${n}`).join(', ')} ${f.type}`);
    await expect(`${[...lines, 'easynlp (EasyNLP flags)', ...own].join('\n')}\n`).toMatchFileSnapshot(
      './cli-surface.fixture.txt',
    );
  });

  it.each([[['--version']], [['-V']]])('%j prints the version', async (argv) => {
    const { code, io } = await run(argv);
    expect([code, io.out]).toEqual([0, `${VERSION}\n`]);
  });

  it.each([[[]], [['--help']], [['help']]])('%j prints help', async (argv) => {
    const { code, io } = await run(argv);
    expect(code).toBe(0);
    expect(io.err).toBe('');
    for (const word of ['train', 'evaluate', 'predict', 'doctor', 'apps', '--mode=train'])
      expect(io.out).toContain(word);
  });

  it('helps with a command: groups, defaults, choices, no duplicated switches', async () => {
    for (const argv of [
      ['train', '--help'],
      ['help', 'train'],
      ['train', 'text_classify', '-h'],
    ]) {
      const { code, io } = await run(argv);
      expect(code).toBe(0);
      expect(io.out).toMatch(/Data:\n/);
      expect(io.out.replace(/\s+/g, ' ')).toMatch(
        /--optimizer <name> optimizer \(adamw \| adam \| sgd \| bertadam; default adamw\)/,
      );
      expect(io.out).toContain('--no-bucketing');
      expect(io.out).not.toContain('--no-tensorboard');
      expect(io.out).toContain('Examples:');
      expect(io.out.split('\n').every((line) => line.length <= 110)).toBe(true);
    }
    const withApp = await run(['evaluate', 'text_classify', '--help']);
    expect(withApp.io.out).toContain('--threshold');
    const broken = await run(['train', 'text_classify', '--help'], new FakeIo(new Error('not built')));
    expect([broken.code, broken.io.out.includes('--learning-rate')]).toEqual([0, true]);
  });

  it('trains with flags and prints the result and the next commands', async () => {
    const { code, io, config } = await run([
      ...TRAIN,
      '--dev',
      'b.tsv',
      '--labels',
      '0,1',
      '--learning-rate=1e-3',
      '--kernel-sizes',
      '2,3',
      '--tensorboard',
      '--no-bucketing',
      '--allow-changed',
      'train,dev',
    ]);
    expect(io.err).toBe('');
    expect(code).toBe(0);
    expect(config).toMatchObject({
      app: 'text_classify',
      train: 'a.tsv',
      dev: 'b.tsv',
      labels: ['0', '1'],
      learningRate: 1e-3,
      kernelSizes: [2, 3],
      tensorboard: true,
      bucketing: false,
      allowChanged: ['train', 'dev'],
      epochs: 3,
    });
    expect(io.out).toContain('training finished after 1,200 steps (3 epochs)');
    expect(io.out).toMatch(/accuracy +0\.8750/);
    expect(io.out).toContain('easynlp predict --model out');
    expect(io.watching).toBe(false);
  });

  it('takes a file of labels for what it is', async () => {
    expect((await run([...TRAIN, '--labels', 'labels.txt'])).config.labels).toBe('labels.txt');
  });

  it('evaluates and predicts', async () => {
    const evaluated = await run(['evaluate', '--model', 'm', '--data', 'd.tsv', '--threshold', '0.5']);
    // threshold belongs to an app that the command line does not name: the app of the file or the default's.
    expect(evaluated.code).toBe(2);
    const named = await run([
      'evaluate',
      'text_classify',
      '--model',
      'm',
      '--data',
      'd.tsv',
      '--threshold',
      '0.5',
    ]);
    expect(named.config).toMatchObject({ threshold: 0.5, app: 'text_classify' });
    expect(named.io.out).toMatch(/1,234 rows[\s\S]*macroF1 +0\.2500[\s\S]*好评/);
    const json = await run(['evaluate', '--model', 'm', '--data', 'd.tsv', '--json']);
    expect(JSON.parse(json.io.out)).toMatchObject({ rows: 1234, metrics: { accuracy: 0.5 } });
    const predicted = await run([
      'predict',
      '--model=m',
      '--input',
      'a',
      '--input',
      'b,c',
      '--output',
      'o.tsv',
    ]);
    expect(predicted.config).toMatchObject({
      input: ['a', 'b', 'c'],
      outputSchema: ['predictions', 'probabilities'],
    });
    expect(predicted.config.app).toBeUndefined();
    expect(predicted.io.out).toBe('3 rows written to o.tsv\n');
  });

  it('reads a config file; flags win; mistakes in it have a place', async () => {
    const file = join(folder, 'train.yaml');
    writeFileSync(
      file,
      'app: text_classify\ntrain: x.tsv\noutput: o\narchitecture: bert\nepochs: 9\nlabels: [0, 1]\n',
    );
    const { config } = await run(['train', '--config', file, '--epochs', '2']);
    expect(config).toMatchObject({ train: 'x.tsv', epochs: 2, labels: ['0', '1'] });
    writeFileSync(file, 'train: x.tsv\noutput: o\narchitecture: bert\nepoch: 9\n');
    const wrong = await run(['train', '--config', file]);
    expect(wrong.code).toBe(2);
    expect(wrong.io.err).toBe(
      `error: ${file}:4:1: unknown option 'epoch' [CONFIG_UNKNOWN_KEY]\n  Did you mean epochs?\n`,
    );
    expect((await run(['train', '--config', join(folder, 'none.yaml')])).io.err).toMatch(/no such file/);
  });

  it('prints the complete configuration, which is a config file again', async () => {
    const { code, io } = await run([...TRAIN, '--print-config', '--seed', '7']);
    expect(code).toBe(0);
    expect(io.calls).toEqual([]);
    expect(parse(io.out)).toMatchObject({ seed: 7, app: 'text_classify', sequenceLength: 128 });
    const file = join(folder, 'printed.yaml');
    writeFileSync(file, io.out);
    const again = await run(['train', '--config', file, '--print-config']);
    expect(again.io.out).toBe(io.out);
  });

  it.each([
    [['trian'], /unknown command 'trian'[\s\S]*Did you mean train\?/],
    [['frobnicate'], /unknown command[\s\S]*Commands: train, evaluate, predict/],
    [['--verison'], /unknown flag '--verison'[\s\S]*Did you mean --version\?/],
    [
      [...TRAIN, '--learnign-rate', '1'],
      /unknown flag '--learnign-rate'[\s\S]*Did you mean --learning-rate\?/,
    ],
    [[...TRAIN, '--learning_rate', '1'], /Did you mean --learning-rate\?/],
    [[...TRAIN, '--epoch_num=3'], /unknown flag '--epoch_num'[\s\S]*Did you mean --epochs\?/],
    [[...TRAIN, '--micro_batch_size', '3'], /Did you mean --batch-size\?/],
    [[...TRAIN, '--epochs', 'three'], /--epochs: expected a whole number, got "three"/],
    [[...TRAIN, '--epochs', '1.5'], /--epochs: expected a whole number, got 1\.5/],
    [[...TRAIN, '--epochs'], /--epochs: a value is missing/],
    [[...TRAIN, '--tensorboard=false'], /--tensorboard: takes no value[\s\S]*--no-tensorboard/],
    [
      [...TRAIN, '--precision', 'bf61'],
      /expected one of fp32, bf16, fp16, got "bf61"[\s\S]*Did you mean bf16\?/,
    ],
    [[...TRAIN, '--device', 'gpu'], /--device: expected auto, cpu, cuda or cuda:N/],
    [[...TRAIN, 'extra'], /unexpected argument 'extra'/],
    [
      ['train', 'text_clasify', '--train', 'a'],
      /app: expected the name of a task[\s\S]*Did you mean text_classify\?/,
    ],
    [
      ['train', 'sequence_labeling', '--train', 'a'],
      /the task sequence_labeling is not available yet[\s\S]*Available: text_classify/,
    ],
    [
      ['train', '--output', 'o', '--architecture', 'bert'],
      /--train is required: training data file[\s\S]*For example --train train\.tsv/,
    ],
    [['train', '--train', 'a', '--output', 'o'], /which model\? give --model or --architecture/],
  ])('%j is a usage error', async (argv, message) => {
    const { code, io } = await run(argv);
    expect(io.err).toMatch(message);
    expect(code).toBe(2);
    expect(io.out).toBe('');
    expect(io.calls).toEqual([]);
  });

  it('lists the apps', async () => {
    expect((await run(['apps'])).io.out).toBe('text_classify  one label per text\n');
    expect(JSON.parse((await run(['apps', '--json'])).io.out)).toHaveLength(1);
  });

  it('tells mistakes of the command line before it tells that nothing is built', async () => {
    const broken = () => new FakeIo(new EasyNlpError('LIBRARY_NOT_READY', { reason: 'no addon' }));
    expect((await run(['train', '--epochs', '0'], broken())).code).toBe(2);
    const { code, io } = await run(TRAIN, broken());
    expect(code).toBe(1);
    expect(io.err).toMatch(/could not be loaded: no addon[\s\S]*easynlp doctor/);
  });

  it('maps exit codes: registry errors, disk full, bugs', async () => {
    const failing = (error: Error) => new FakeIo({ train: () => Promise.reject(error) });
    expect((await run(TRAIN, failing(Object.assign(new Error('no space'), { code: 'ENOSPC' })))).code).toBe(
      7,
    );
    const bug = await run(TRAIN, failing(new TypeError('x is not a function')));
    expect(bug.code).toBe(1);
    expect(bug.io.err).toMatch(/x is not a function\n +at [\s\S]*This is a bug/);
    expect((await run(TRAIN, failing(new EasyNlpError('CONFIG_CONFLICT', { problem: 'p' })))).io.err).toBe(
      'error: p [CONFIG_CONFLICT]\n',
    );
  });

  it('saves and ends at the first Ctrl-C with exit code 130', async () => {
    const io: FakeIo = new FakeIo({
      train: (config, { signal }) =>
        new Promise((done) => {
          signal.addEventListener('abort', () =>
            done({ output: config.output, metrics: {}, steps: 5, epochs: 0.5, stopped: 'interrupted' }),
          );
          io.press();
        }),
    });
    expect(await main(TRAIN, io)).toBe(130);
    expect(io.killed).toBeUndefined();
    expect(io.err).toContain('interrupted: saving the state; press Ctrl-C again');
    expect(io.out).toContain('the same command with --resume auto');
    expect(io.watching).toBe(false);
  });

  it('ends at once at the second Ctrl-C', async () => {
    const io: FakeIo = new FakeIo({
      predict: (_, { signal }) => {
        io.press();
        io.press();
        return Promise.reject(signal.reason);
      },
    });
    expect(await main(['predict', '--model', 'm', '--input', 'i', '--output', 'o'], io)).toBe(130);
    expect(io.killed).toBe(130);
  });

  it('listens to the signals of the process only while a command runs', () => {
    const { onInterrupt } = processIo();
    const before = process.listenerCount('SIGINT');
    let pressed = 0;
    const release = onInterrupt(() => {
      pressed++;
    });
    process.emit('SIGINT');
    process.emit('SIGTERM');
    expect(pressed).toBe(2);
    release();
    expect(process.listenerCount('SIGINT')).toBe(before);
  });
});
