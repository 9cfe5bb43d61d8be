import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { files, memory, noGrad, type Tensor, tidy } from '@easynlp/torch';
import { describe, expect, it } from 'vitest';
import '../../methods.js';
import { openArtefact } from '../../appzoo/artefact.js';
import { uploadBatch } from '../../appzoo/runtime.js';
import { type TrainConfig, trainConfigSchema } from '../../config/index.js';
import { evaluate } from '../../predictor/evaluate.js';
import { pipeline } from '../../predictor/pipeline.js';
import { buildOptimizer } from '../../trainer/build-optimizer.js';
import { runTrain, workFolder } from '../../trainer/runs.fixture.js';
import { train } from '../../trainer/train.js';
import type { TransPromptModel } from './model.js';
import type { TaskRow } from './rows.js';
import type { TransPromptSpec } from './spec.js';
import { groupsOf } from './stage.js';

const folder = workFolder('transprompt');
const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const tiny = at('../../../../models-zh/bert-tiny-zh');

/** Reviews of a domain: label, text. */
function domainFile(name: string, part: 'train' | 'dev', count: number): string {
  const [header, ...lines] = readFileSync(at(`../../../samples/reviews/${part}.tsv`), 'utf8')
    .trimEnd()
    .split('\n');
  const mine = lines.filter((line) => line.split('\t')[2] === name);
  const [good, bad] = ['好评', '差评'].map((label) => mine.filter((line) => line.startsWith(label)));
  const rows = good!.slice(0, count / 2).flatMap((line, i) => [line, bad![i]!]);
  const path = join(folder, `${name}-${part}.tsv`);
  writeFileSync(path, `${[header, ...rows].join('\n')}\n`);
  return `${name}-${part}.tsv`;
}

const domains = ['数码', '餐饮', '酒店'];
const data = Object.fromEntries(
  domains.map((name) => [name, { train: domainFile(name, 'train', 12), dev: domainFile(name, 'dev', 8) }]),
);
const task = (name: string, more: object = {}) => ({
  name,
  ...data[name],
  pattern: name === '餐饮' ? '<pseudo>,label,吃,<pseudo>,text' : 'text,<pseudo:2>,label,评',
  labelWords: name === '餐饮' ? ['难', '好'] : ['差', '好'],
  ...more,
});
function group(name: string, tasks: unknown[]): string {
  const path = join(folder, `${name}.json`);
  writeFileSync(path, JSON.stringify({ tasks }));
  return path;
}

const options = {
  app: 'text_classify',
  method: 'transprompt',
  model: tiny,
  sequenceLength: 40,
  batchSize: 8,
  epochs: 2,
  learningRate: 1e-4,
  device: 'cpu',
  numThreads: 1,
} as const;
const withoutTrain = ({ train: _, ...rest }: { train?: unknown }) => rest;

const trained = (() => {
  let made: ReturnType<typeof run> | undefined;
  const run = async () => {
    const before = memory().tensors;
    const output = join(folder, 'out');
    const unseen = { ...withoutTrain(task('酒店')), unseen: true, labels: ['差评', '好评'] };
    const list = group('tasks', [task('数码'), task('餐饮'), unseen]);
    const { result } = await runTrain({ ...options, train: list, output, saveStrategy: 'none' });
    return { output, result, leaked: memory().tensors - before };
  };
  return () => {
    made ??= run();
    return made;
  };
})();

describe('TransPrompt', () => {
  it('leaves a meta-learner and a model for each task, usable alone', async () => {
    const { output, result, leaked } = await trained();
    expect(leaked).toBe(0);
    expect(Object.keys(result.metrics)).toEqual(['accuracy', ...domains.map((name) => `accuracy/${name}`)]);
    const specs = new Map<string, TransPromptSpec>();
    for (const name of domains) {
      const model = join(output, 'tasks', name);
      specs.set(
        name,
        (JSON.parse(readFileSync(join(model, 'easynlp.json'), 'utf8')) as { task: TransPromptSpec }).task,
      );
      const { metrics } = await evaluate({
        model,
        data: join(folder, data[name]!.dev),
        device: 'cpu',
        numThreads: 1,
      });
      expect(metrics.accuracy).toBe(result.metrics[`accuracy/${name}`]);
      const classify = await pipeline('text_classify', model, { device: 'cpu' });
      const { label, scores } = (await classify('很好')) as { label: string; scores: unknown[] };
      expect(['好评', '差评']).toContain(label);
      expect(scores).toHaveLength(2);
    }
    // A task has its own encoder and the universal one, an unseen one the universal one alone.
    expect(specs.get('数码')).toMatchObject({ encoders: ['数码'], tasks: null, task: '数码' });
    expect(specs.get('酒店')).toMatchObject({ encoders: [], universalShare: 0.5 });
    const names = [...files.loadSafetensors(join(output, 'tasks/酒店/model.safetensors')).keys()];
    expect(names.some((name) => name.startsWith('universal.'))).toBe(true);
    expect(names.some((name) => name.startsWith('own.'))).toBe(false);
    expect(existsSync(join(output, 'transprompt.json'))).toBe(true);
  });

  it('the unseen task is answered by the universal encoder of the meta-learner as it is', async () => {
    const { output } = await trained();
    const read = (name: string) => files.loadSafetensors(join(output, name, 'model.safetensors'));
    const [meta, unseen, adapted] = [read('meta'), read('tasks/酒店'), read('tasks/数码')];
    for (const [name, tensor] of unseen) {
      expect(
        tidy(() => tensor.eq(meta.get(name)!).all().item()),
        name,
      ).toBe(true);
    }
    const moved = (name: string) => tidy(() => !adapted.get(name)!.eq(meta.get(name)!).all().item());
    expect(moved('universal.embeddings')).toBe(true);
    expect(moved('own.0.embeddings')).toBe(true);
    for (const t of [...meta.values(), ...unseen.values(), ...adapted.values()]) t.dispose();
  });

  it('mixes the encoders as the share says, and closes the labels of other tasks', async () => {
    const { app, model, spec, tokenizer } = await openArtefact(join((await trained()).output, 'meta'));
    const own = model as TransPromptModel;
    const group = spec as TransPromptSpec;
    expect(group.labels).toEqual(['数码:好评', '数码:差评', '餐饮:好评', '餐饮:差评'].sort());
    const rows = ['数码', '餐饮', '数码'].map((name, i) => ({
      values: { '@task': name, text: '还不错'.repeat(i + 1), label: '好评' },
      file: 'rows',
      line: i + 1,
    }));
    const encoded = (await app.encode(rows, { spec, tokenizer }, { labels: true })) as TaskRow[];
    const list = (t: Tensor) => t.toArray() as number[][];
    noGrad(() =>
      tidy(() => {
        const vectors = list(own.vectors());
        expect(vectors).toHaveLength(4);
        const [u, a, b] = [own.universal, ...own.own].map((encoder) => list(encoder.forward()));
        for (const [p, row] of vectors.entries()) {
          const mine = p < 2 ? a![p]! : b![p - 2]!;
          const universal = u![p % 2]!;
          for (const [i, v] of row.entries()) expect(v).toBeCloseTo((mine[i]! + universal[i]!) / 2, 5);
        }
        const logits = (order: TaskRow[], padTo?: number) =>
          list(
            own.forward(uploadBatch(app.collate(order, { spec, tokenizer }, padTo ? { padTo } : {}), 'cpu'))
              .logits!,
          );
        const all = logits(encoded);
        for (const [r, row] of all.entries()) {
          const open = row.map((v) => v > -1e3);
          expect(open).toEqual(r === 1 ? [false, false, true, true] : [true, true, false, false]);
        }
        // Neither padding nor order nor company matters.
        const same = (x: number[][], y: number[][]) => {
          for (const [r, row] of x.entries())
            for (const [i, v] of row.entries()) expect(y[r]![i]).toBeCloseTo(v, 3);
        };
        same(logits(encoded, 40), all);
        same(logits(encoded.toReversed()), all.toReversed());
        for (const [i, row] of encoded.entries()) same(logits([row]), [all[i]!]);
      }),
    );
    // EasyNLP's scheduler of the encoders' learning rate was bound to the wrong optimizer.
    const config = trainConfigSchema.parse({ train: 'x', output: 'y' }) as TrainConfig;
    const optimizer = buildOptimizer(config, groupsOf(own, 10));
    for (const rate of [1e-4, 3e-5, 0]) {
      optimizer.setLearningRate(rate);
      const rates = new Set(optimizer.groups.map(({ lr }) => Math.round(lr * 1e9)));
      expect([...rates].sort()).toEqual(
        [...new Set([rate, 10 * rate].map((r) => Math.round(r * 1e9)))].sort(),
      );
    }
    optimizer.dispose();
    model.dispose();
  });

  it('resumes bitwise in the stage in which it was interrupted', async () => {
    const list = group('resume', [task('数码'), task('餐饮')]);
    const small = { ...options, train: list, epochs: 1, prototypeForm: 'distance' } as const;
    const whole = join(folder, 'whole');
    await train({ ...small, output: whole, saveStrategy: 'none' });
    const parts = join(folder, 'parts');
    // The meta-learner, when it is resumed then, has nothing left to do.
    for (const stage of ['tasks/餐饮']) {
      const stop = new AbortController();
      let now = '';
      const log = (line: string) => {
        if (line.startsWith('transprompt: ')) now = line.slice('transprompt: '.length);
      };
      const onStep = () => void (now === stage && stop.abort());
      const result = await train(
        { ...small, output: parts, resume: 'auto' },
        { log, onStep, signal: stop.signal },
      );
      expect(result.stopped).toBe('interrupted');
    }
    await train({ ...small, output: parts, resume: 'auto' });
    for (const name of ['meta', 'tasks/数码', 'tasks/餐饮']) {
      const bytes = (output: string) => readFileSync(join(output, name, 'model.safetensors'));
      expect(bytes(parts).equals(bytes(whole)), name).toBe(true);
    }
  });

  it('says before training what is wrong with the group', async () => {
    const bad = (name: string, tasks: unknown[]) =>
      train({ ...options, train: group(name, tasks), output: join(folder, `never-${name}`) });
    const code = (expected: string, text: string) => ({
      code: expected,
      message: expect.stringContaining(text),
    });
    await expect(bad('plain', [task('数码', { pattern: 'text,label' })])).rejects.toMatchObject(
      code('PROMPT_PATTERN', '数码'),
    );
    await expect(bad('twice', [task('数码'), task('数码')])).rejects.toMatchObject(
      code('CONFIG_INVALID_VALUE', 'tasks.1.name'),
    );
    await expect(bad('words', [task('数码', { labelWords: ['好'] })])).rejects.toMatchObject(
      code('PROMPT_LABEL_WORDS', '2 labels'),
    );
    await expect(bad('key', [task('数码', { patern: 'x' })])).rejects.toMatchObject(
      code('CONFIG_INVALID_VALUE', 'patern'),
    );
    await expect(bad('none', [task('数码', { unseen: true })])).rejects.toMatchObject(
      code('CONFIG_CONFLICT', 'unseen'),
    );
    expect(existsSync(join(folder, 'never-plain'))).toBe(false);
    mkdirSync(join(folder, 'used'), { recursive: true });
    writeFileSync(join(folder, 'used/group.json'), '{}');
    await expect(
      train({ ...options, train: group('used', [task('数码')]), output: join(folder, 'used') }),
    ).rejects.toMatchObject({ code: 'TRAIN_OUTPUT_EXISTS' });
  });
});
