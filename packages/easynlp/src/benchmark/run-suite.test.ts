import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { type BenchmarkRequest, planRuns } from './plan.js';
import { answerQuestions } from './questions.js';
import { renderMarkdown, renderText } from './render.js';
import { makeReport, standardDeviation } from './report.js';
import { runSuite } from './run-suite.js';
import {
  loadSettings,
  mergeSettings,
  type OptionValues,
  type SuiteSettings,
  settingsOf,
} from './settings.js';
import type { BenchmarkEngine, BenchmarkSuite, BenchmarkTask, SplitData } from './types.js';

const root = mkdtempSync(join(tmpdir(), 'easynlp-benchmark-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let output = '';
let number = 0;
beforeEach(() => {
  output = join(root, `out${number++}`);
});

const rowsOf = (split: string, file: string) => ({
  file: join(root, file),
  rows: [
    { text: `${split}甲`, label: 'a' },
    { text: `${split}乙`, label: 'b' },
  ],
});

const task = (name: string, more: Partial<SplitData> = {}): BenchmarkTask => ({
  name,
  title: name,
  app: 'text_classify',
  metric: 'accuracy',
  views: ['rows', 'other'],
  load: async ({ split }) => ({
    train: rowsOf(split, `train_${split}.json`),
    evaluation: rowsOf(split, `dev_${split}.json`),
    selection: null,
    labels: ['a', 'b'],
    words: { a: '甲', b: '乙' },
    unlabeled: null,
    ...more,
  }),
});

const settings: SuiteSettings = {
  all: { epochs: 2, sequenceLength: 16 },
  methods: {
    finetune: { learningRate: 1e-3 },
    pet: { learningRate: 1e-4, labelWords: '$words' },
    'pet-long': { extends: 'pet', epochs: 9 },
  },
  profiles: { small: { methods: { pet: { learningRate: 5e-4 } } } },
  tasks: { one: { methods: { pet: { pattern: 'text,label' }, 'pet-long': { epochs: 7 } } } },
};

const suite = (tasks: readonly BenchmarkTask[] = [task('one'), task('two')]): BenchmarkSuite => ({
  name: 'fake',
  title: 'Fake',
  tasks,
  splits: ['0', '1', '2'],
  settings,
  published: {
    title: 'published',
    source: 'a paper',
    rows: [
      { method: 'theirs', figures: { one: { mean: 65.4, std: 7.7 }, two: { mean: 30 } } },
      { method: 'elsewhere', figures: { three: { mean: 1 } } },
    ],
  },
});

const request = (more: Partial<BenchmarkRequest> = {}): BenchmarkRequest => ({
  data: root,
  model: 'bert-fake',
  output,
  methods: ['finetune'],
  tasks: [],
  splits: [],
  seeds: [1],
  evaluateOn: 'auto',
  profile: 'base',
  settings,
  precision: 'fp32',
  machine: { device: 'cpu' },
  keepModels: false,
  ...more,
});

const methodsOf = () => ['finetune', 'pet'].map((name) => ({ name }));

/** Trains nothing; the accuracy is the split's number over ten. */
class FakeEngine implements BenchmarkEngine {
  trained: OptionValues[] = [];
  evaluated: OptionValues[] = [];
  onTrain: (options: OptionValues) => void = () => {};
  stopped: 'finished' | 'interrupted' = 'finished';
  train: BenchmarkEngine['train'] = async (options) => {
    this.onTrain(options);
    this.trained.push(options);
    mkdirSync(options.output as string, { recursive: true });
    if (this.stopped === 'finished') writeFileSync(join(options.output as string, 'easynlp.json'), '{}');
    return { stopped: this.stopped, steps: 3 };
  };
  evaluate: BenchmarkEngine['evaluate'] = async (options) => {
    this.evaluated.push(options);
    const [, split] = /rows\/(\d)\//.exec(String(options.data).replaceAll('\\', '/'))!;
    return { metrics: { accuracy: Number(split) / 10, f1: null }, rows: 2 };
  };
  pipeline: BenchmarkEngine['pipeline'] = async () => {
    const answer = (inputs: readonly unknown[]) =>
      inputs.map((_, i) => ({
        scores: [
          { label: 'a', probability: i === 0 ? 0.9 : 0.2 },
          { label: 'b', probability: 0.1 },
        ],
      }));
    return Object.assign(answer, { dispose() {} });
  };
}

async function runAll(
  engine: FakeEngine,
  asked = request(),
  of = suite(),
  signal = new AbortController().signal,
) {
  const lines: string[] = [];
  const plan = planRuns(of, asked, methodsOf);
  const results = await runSuite(of, asked, plan, { engine, signal, log: (line) => lines.push(line) });
  return { results, lines };
}

describe('settings', () => {
  it('are put together from all, profile, method, task and the method in the task', () => {
    const of = (method: string, profile = 'base', name = 'one') =>
      settingsOf(settings, { task: name, method, profile });
    expect(of('pet').options).toEqual({
      epochs: 2,
      sequenceLength: 16,
      learningRate: 1e-4,
      labelWords: '$words',
      pattern: 'text,label',
    });
    expect(of('pet', 'small').options.learningRate).toBe(5e-4);
    expect(of('pet-long', 'small')).toMatchObject({
      method: 'pet',
      options: { epochs: 7, learningRate: 5e-4, pattern: 'text,label' },
    });
    expect(of('pet-long', 'base', 'two').options.epochs).toBe(9);
  });

  it('of a file go over the default ones; null takes one away', () => {
    const path = join(root, 'over.yaml');
    writeFileSync(path, 'methods:\n  pet: {epochs: 5}\ntasks:\n  two: {all: {sequenceLength: null}}\n');
    const merged = mergeSettings(settings, loadSettings(path, ['one', 'two']));
    expect(settingsOf(merged, { task: 'two', method: 'pet', profile: 'base' }).options).toEqual({
      epochs: 5,
      learningRate: 1e-4,
      labelWords: '$words',
    });
  });

  it.each([
    ['task: {}\n', /1:1: unknown option 'task'/, 'tasks'],
    ['tasks:\n  oen: {}\n', /2:3: unknown option 'tasks\.oen'/, 'one'],
    ['methods:\n  pet: 3\n', /2:8: methods\.pet: expected a mapping/, ''],
    ['tasks:\n  one:\n    method: {}\n', /3:5: unknown option 'tasks\.one\.method'/, 'methods'],
  ])('that are wrong are named with their place: %j', (text, message, hint) => {
    const path = join(root, 'wrong.yaml');
    writeFileSync(path, text);
    try {
      loadSettings(path, ['one', 'two']);
      expect.unreachable();
    } catch (error) {
      expect((error as Error).message).toMatch(message);
      expect((error as { hint?: string }).hint).toContain(hint);
    }
  });

  it('that extend themselves are refused', () => {
    const loop = { ...settings, methods: { x: { extends: 'y' }, y: { extends: 'x' } } };
    expect(() => settingsOf(loop, { task: 'one', method: 'x', profile: 'base' })).toThrow(
      /extend themselves/,
    );
  });
});

describe('a plan', () => {
  it('is every task, method, split and seed', () => {
    const plan = planRuns(suite(), request({ methods: ['finetune', 'pet-long'], seeds: [1, 2] }), methodsOf);
    expect(plan).toHaveLength(2 * 2 * 3 * 2);
    expect(plan.at(-1)).toMatchObject({
      method: 'pet-long',
      split: '2',
      seed: 2,
      settings: { method: 'pet' },
    });
  });

  it('of something unknown is refused with a suggestion', () => {
    const plan = (more: Partial<BenchmarkRequest>) => () => planRuns(suite(), request(more), methodsOf);
    expect(plan({ methods: ['pett'] })).toThrow(/no training method "pett"\. Did you mean "pet"/);
    expect(plan({ tasks: ['onee'] })).toThrow(/Fake has no task "onee"/);
    const other = { ...settings, tasks: { one: { all: { view: 'none' } } } };
    expect(plan({ settings: other })).toThrow(/view \(one, finetune\): expected one of rows, other/);
    // A variation of a method that is not there.
    expect(plan({ settings: { ...settings, methods: { v: { extends: 'kd' } } }, methods: ['v'] })).toThrow(
      /no training method "v"/,
    );
  });
});

describe('runs', () => {
  it('train and measure every split with its settings', async () => {
    const engine = new FakeEngine();
    const { results } = await runAll(engine, request({ methods: ['pet'], tasks: ['one'] }));
    expect(results.map((r) => r.score)).toEqual([0, 0.1, 0.2]);
    expect(engine.trained[1]).toMatchObject({
      app: 'text_classify',
      method: 'pet',
      model: 'bert-fake',
      labels: ['a', 'b'],
      labelWords: ['甲', '乙'],
      pattern: 'text,label',
      seed: 1,
      evalStrategy: 'none',
      resume: 'auto',
      device: 'cpu',
    });
    expect(engine.trained[1]).not.toHaveProperty('dev');
    const lines = readFileSync(engine.trained[1]!.train as string, 'utf8')
      .trimEnd()
      .split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(rowsOf('1', '').rows);
    // Trained models are not kept unless asked for.
    expect(existsSync(engine.trained[1]!.output as string)).toBe(false);
  });

  it('that are done are not done again, unless something has changed', async () => {
    const engine = new FakeEngine();
    const first = await runAll(engine);
    expect(engine.trained).toHaveLength(6);
    const second = await runAll(engine);
    expect(engine.trained).toHaveLength(6);
    expect(second.results).toEqual(first.results);
    expect(second.lines[0]).toMatch(/\[1\/6\] one finetune split 0 seed 1: 0\.00 % \(from an earlier run\)/);
    const changed = mergeSettings(settings, { tasks: { two: { all: { epochs: 3 } } } });
    const third = await runAll(engine, request({ settings: changed }));
    expect(engine.trained).toHaveLength(9);
    expect(third.lines.filter((line) => line.includes('have changed'))).toHaveLength(3);
    await runAll(engine, request({ machine: { device: 'cuda' }, settings: changed }));
    expect(engine.trained).toHaveLength(9);
    // Other rows in a file are other data.
    const other = suite([task('one', { train: { file: 'x', rows: [{ text: '丙', label: 'a' }] } })]);
    await runAll(engine, request({ settings: changed, tasks: ['one'] }), other);
    expect(engine.trained).toHaveLength(12);
  });

  it('begin anew with other weights of the same name, wherever they lie', async () => {
    const engine = new FakeEngine();
    let folder = '';
    engine.modelFolder = async () => folder;
    const weights = (name: string, content: string) => {
      folder = join(root, name);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'model.safetensors'), content);
    };
    const count = async () => {
      await runAll(engine, request({ tasks: ['one'], splits: ['0'] }));
      return engine.trained.length;
    };
    weights('first', 'aaaa');
    expect([await count(), await count()]).toEqual([1, 1]);
    weights('elsewhere', 'aaaa');
    expect(await count()).toBe(1);
    weights('elsewhere', 'bbbb');
    expect(await count()).toBe(2);
  });

  it('that were interrupted go on where they were', async () => {
    const engine = new FakeEngine();
    const controller = new AbortController();
    engine.onTrain = () => {
      if (engine.trained.length < 2) return;
      engine.stopped = 'interrupted';
      controller.abort();
    };
    await expect(runAll(engine, request(), suite(), controller.signal)).rejects.toMatchObject({
      code: 'INTERRUPTED',
      exitCode: 130,
    });
    const [, , third] = engine.trained;
    engine.onTrain = () => {};
    engine.stopped = 'finished';
    const { results, lines } = await runAll(engine);
    expect(lines.filter((line) => line.includes('earlier'))).toHaveLength(2);
    expect(results).toHaveLength(6);
    // The same folder, whose checkpoint `resume: auto` finds.
    expect(engine.trained[3]).toEqual(third);
  });

  it('whose model was trained but not measured are measured only', async () => {
    const engine = new FakeEngine();
    const { evaluate } = engine;
    engine.evaluate = () => Promise.reject(new Error('no memory'));
    await expect(runAll(engine)).rejects.toThrow('no memory');
    engine.evaluate = evaluate;
    await runAll(engine);
    expect(engine.trained).toHaveLength(6);
  });

  it('choose an epoch on dev where the figures come from other rows', async () => {
    const engine = new FakeEngine();
    const of = suite([task('one', { selection: rowsOf('9', 'dev_9.json') })]);
    await runAll(engine, request({ splits: ['0'] }), of);
    expect(engine.trained[0]).toMatchObject({
      evalStrategy: 'epoch',
      dev: expect.stringContaining('selection'),
    });
    const last = mergeSettings(settings, { methods: { finetune: { select: 'last' } } });
    await runAll(engine, request({ splits: ['0'], settings: last }), of);
    expect(engine.trained[1]).not.toHaveProperty('dev');
  });

  it('read unlabelled rows only for settings that want them', async () => {
    let read = 0;
    const unlabeled = async () => {
      read++;
      return { file: 'u', rows: [{ text: '丁' }] };
    };
    const engine = new FakeEngine();
    const of = suite([task('one', { unlabeled }), task('two')]);
    await runAll(engine, request({ splits: ['0'] }), of);
    expect(read).toBe(0);
    const wanted = mergeSettings(settings, { methods: { finetune: { unlabelled: ['$unlabeled'] } } });
    await runAll(engine, request({ splits: ['0'], settings: wanted }), of);
    expect(engine.trained[2]!.unlabelled).toEqual([expect.stringMatching(/unlabeled\.jsonl$/)]);
    expect(engine.trained[3]).not.toHaveProperty('unlabelled');
  });

  it('count questions where candidates are chosen among', async () => {
    const questions = [
      { answer: 0, candidates: [0, 1].map((row) => ({ row, label: 'a' })) },
      { answer: 1, candidates: ['a', 'b'].map((label) => ({ row: 1, label })) },
    ];
    const of = suite([task('one', { evaluation: { ...rowsOf('0', 'dev_0.json'), questions } })]);
    const { results } = await runAll(new FakeEngine(), request({ splits: ['0'] }), of);
    expect(results[0]).toMatchObject({ score: 0.5, rows: { train: 2, evaluated: 2 } });
  });

  it('spell idioms with characters that the model knows, no two alike', async () => {
    const engine = new FakeEngine();
    engine.unknownCharacters = async (_, characters) => characters.filter((c) => '愎黩'.includes(c));
    const labels = ['刚愎自用', '刚黩自用', '画蛇添足'];
    const of = suite([task('one', { labels, words: {} })]);
    await runAll(engine, request({ methods: ['pet'], splits: ['0'] }), of);
    expect(engine.trained[0]!.labelWords).toEqual(['刚某自用', '刚您自用', '画蛇添足']);
    expect(engine.trained[0]!.labels).toEqual(labels);
  });

  it('do not see the label of what they answer, and a tie is no answer', async () => {
    let seen: readonly unknown[] = [];
    const model = Object.assign(
      (inputs: readonly unknown[]) => {
        seen = inputs;
        return inputs.map(() => ({ scores: [{ label: '1', probability: 0.5 }] }));
      },
      { dispose() {} },
    );
    const candidates = [0, 1].map((row) => ({ row, label: '1' }));
    const rows = [
      { text: 'x', label: '1' },
      { text: 'y', label: '0' },
    ];
    expect(await answerQuestions(model, rows, [{ answer: 0, candidates }])).toBe(0);
    expect(seen).toEqual([{ text: 'x' }, { text: 'y' }]);
  });
});

describe('a report', () => {
  it('has mean and standard deviation, beside what was published', async () => {
    const { results } = await runAll(new FakeEngine());
    const report = makeReport(suite(), 'bert-fake', output, results);
    expect(report.figures[0]).toMatchObject({
      task: 'one',
      method: 'finetune',
      evaluatedOn: ['dev_0.json', 'dev_1.json', 'dev_2.json'],
    });
    expect(report.figures[0]!.mean).toBeCloseTo(0.1, 12);
    expect(report.figures[0]!.std).toBeCloseTo(0.1, 12);
    expect(renderText(report)).toBe(
      [
        'Fake, %',
        '          mean          one          two',
        '────────  ────  ───────────  ───────────',
        '',
        'bert-fake (measured on dev_i.json; mean (standard deviation) of 3 runs)',
        'finetune  10.0  10.0 (10.0)  10.0 (10.0)',
        '',
        'published (a paper)',
        'theirs    47.7   65.4 (7.7)         30.0',
        '',
      ].join('\n'),
    );
    const markdown = renderMarkdown(report);
    expect(markdown).toContain('| finetune | 10.0 | 10.0 (10.0) | 10.0 (10.0) |');
    expect(markdown).toContain('| theirs | 47.7 | 65.4 (7.7) | 30.0 |');
    expect(markdown).not.toContain('elsewhere');
  });

  it('joins other methods of earlier calls, but never runs with different settings', async () => {
    const engine = new FakeEngine();
    await runAll(engine, request({ methods: ['pet'], tasks: ['one'] }));
    const changed = mergeSettings(settings, { methods: { pet: { epochs: 4 } } });
    // One split anew: the other two were trained with other settings.
    await runAll(engine, request({ methods: ['pet'], tasks: ['one'], splits: ['2'], settings: changed }));
    await runAll(engine, request({ methods: ['pet'], tasks: ['one'], model: 'another', splits: ['1'] }));
    const { results } = await runAll(engine, request({ tasks: ['one'] }));
    const { figures, methods } = makeReport(suite(), 'bert-fake', output, results);
    expect(methods).toEqual(['finetune', 'pet']);
    expect(figures.find((f) => f.method === 'pet')!.runs).toEqual([{ split: '2', seed: 1, score: 0.2 }]);
  });

  it('has no deviation of a single run', () => {
    expect(standardDeviation([0.5])).toBeNull();
    expect(standardDeviation([1, 2, 3, 4])).toBeCloseTo(1.2909944487, 9);
  });
});
