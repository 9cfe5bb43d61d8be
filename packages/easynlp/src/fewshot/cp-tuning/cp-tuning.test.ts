import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { files, memory, noGrad, type Tensor, tidy } from '@easynlp/torch';
import { describe, expect, it } from 'vitest';
import '../../methods.js';
import { openArtefact } from '../../appzoo/artefact.js';
import { uploadBatch } from '../../appzoo/runtime.js';
import { evaluate } from '../../predictor/evaluate.js';
import { reviews, writeTsv } from '../../predictor/models.fixture.js';
import { pipeline } from '../../predictor/pipeline.js';
import { predict } from '../../predictor/predict.js';
import { remains, runTrain, sampleFile, workFolder } from '../../trainer/runs.fixture.js';
import { train } from '../../trainer/train.js';
import { anchorRows } from './anchors.js';
import type { CpTuningModel } from './model.js';
import type { CpTuningSpec } from './spec.js';

const folder = workFolder('cp-tuning');
const tiny = fileURLToPath(new URL('../../../../models-zh/bert-tiny-zh', import.meta.url));
const rows = writeTsv(join(folder, 'train.tsv'), reviews(48));
const dev = writeTsv(join(folder, 'dev.tsv'), reviews(68).slice(48));
const options = {
  app: 'text_classify',
  method: 'cptuning',
  model: tiny,
  train: rows,
  dev,
  sequenceLength: 48,
  batchSize: 12,
  learningRate: 3e-4,
  loggingSteps: 1,
  device: 'cpu',
  numThreads: 1,
} as const;

/** Trained once, used by most tests. */
const trained = (() => {
  let made: Promise<string> | undefined;
  return () => {
    made ??= (async () => {
      const output = join(folder, 'model');
      await train({ ...options, output, epochs: 4 });
      return output;
    })();
    return made;
  };
})();

const lines = (path: string) => readFileSync(path, 'utf8').trimEnd().split('\n');

describe('CP-Tuning', () => {
  it('learns a task from 48 rows without pattern or label words; the artefact answers by itself', async () => {
    const output = await trained();
    const { metrics } = await evaluate({ model: output, data: dev, device: 'cpu' });
    expect(metrics.accuracy).toBeGreaterThan(0.8);
    const manifest = JSON.parse(readFileSync(join(output, 'easynlp.json'), 'utf8')) as { task: CpTuningSpec };
    expect(manifest.task).toMatchObject({ method: 'cptuning', anchors: 48, inference: 'prototype' });
    expect(manifest.task.prompt.pattern.source).toBe('text,<pseudo:2>,<label>');
    const classify = await pipeline('text_classify', output, { device: 'cpu' });
    const result = (await classify('房间很干净，下次还来')) as {
      label: string;
      probability: number;
      logit: number;
      scores: { label: string; probability: number; logit: number }[];
    };
    expect(result.scores).toHaveLength(2);
    expect(result.scores[0]).toMatchObject({ label: result.label, probability: result.probability });
    expect(result.scores.reduce((sum, s) => sum + s.probability, 0)).toBeCloseTo(1, 6);
    // Logits are ten times a cosine.
    for (const { logit } of result.scores) expect(Math.abs(logit)).toBeLessThanOrEqual(10.001);
  });

  // EasyNLP's issue 183: with one table it took the anchors' labels from the file that it was to predict.
  it('altered labels of the file to be predicted change nothing, and no training file is needed', async () => {
    const output = await trained();
    const [header, ...body] = lines(rows);
    const altered = join(folder, 'altered.tsv');
    writeFileSync(
      altered,
      `${[header, ...body.map((line) => line.replace(/^\S+/, (label) => (label === '好评' ? '差评' : '好评')))].join('\n')}\n`,
    );
    const run = async (input: string, name: string) => {
      const to = join(folder, name);
      await predict({
        model: output,
        input: [input],
        output: to,
        outputSchema: ['predictions', 'logits'],
        device: 'cpu',
      });
      return lines(to);
    };
    const plain = await run(rows, 'plain.tsv');
    expect(await run(altered, 'swapped.tsv')).toEqual(plain);
    const gold = evaluate({ model: output, data: rows, device: 'cpu' });
    const wrong = evaluate({ model: output, data: altered, device: 'cpu' });
    expect((await gold).metrics.accuracy! + (await wrong).metrics.accuracy!).toBeCloseTo(1, 10);
  });

  it('features depend neither on padding nor on the order of the batch', async () => {
    const { app, model, spec, tokenizer } = await openArtefact(await trained());
    const context = { spec, tokenizer };
    const texts = ['很好', '物流太慢了，客服也不理人，下次不会再买', '一般'];
    const encoded = await app.encode(
      texts.map((text, i) => app.inputs.row(spec, text, i)),
      context,
      { labels: false },
    );
    const features = (list: typeof encoded, padTo?: number) =>
      noGrad(() =>
        tidy(() => {
          const own = model as CpTuningModel;
          const inputs = uploadBatch(app.collate(list, context, padTo ? { padTo } : {}), 'cpu');
          return own.features(own.encode(inputs), inputs).toArray() as number[][];
        }),
      );
    const all = features(encoded);
    const close = (a: number[][], b: number[][]) => {
      for (const [r, row] of a.entries())
        for (const [i, v] of row.entries()) expect(b[r]![i]).toBeCloseTo(v, 5);
    };
    close(features(encoded, 40), all);
    close(features(encoded.toReversed()), all.toReversed());
    for (const [i, row] of encoded.entries()) close(features([row]), [all[i]!]);
    for (const row of all) expect(Math.hypot(...row)).toBeCloseTo(1, 5);
    model.dispose();
  });

  it('anchors are the features of the training rows; prototypes are their means', async () => {
    const { app, model, spec, tokenizer } = await openArtefact(await trained());
    const own = model as CpTuningModel;
    const context = { spec, tokenizer };
    const list = lines(rows)
      .slice(1)
      .map((line) => line.split('\t'));
    const encoded = await app.encode(
      list.map(([label, text], i) => ({ values: { label: label!, text: text! }, file: 'rows', line: i + 2 })),
      context,
      { labels: true },
    );
    const read = (t: Tensor) => t.toArray() as number[][];
    noGrad(() =>
      tidy(() => {
        const inputs = uploadBatch(app.collate(encoded, context), 'cpu');
        const features = read(own.features(own.encode(inputs), inputs));
        const anchors = read(own.buffer('anchors'));
        for (const [r, row] of features.entries())
          for (const [i, v] of row.entries()) expect(anchors[r]![i]).toBeCloseTo(v, 4);
        expect(own.buffer('anchorLabels').toArray()).toEqual(inputs.labels!.toArray());

        const labels = inputs.labels!.toArray() as number[];
        const dot = (a: number[], b: number[]) => a.reduce((sum, v, i) => sum + v * b[i]!, 0);
        const central = read(own.forward(inputs).logits!);
        (own as { inference: string }).inference = 'nearest';
        const nearest = read(own.forward(inputs).logits!);
        for (const c of [0, 1]) {
          const mine = anchors.filter((_, a) => labels[a] === c);
          const mean = mine[0]!.map((_, i) => mine.reduce((sum, row) => sum + row[i]!, 0) / mine.length);
          for (const [r, f] of features.entries()) {
            expect(nearest[r]![c]).toBeCloseTo(10 * Math.max(...mine.map((a) => dot(f, a))), 3);
            expect(central[r]![c]).toBeCloseTo((10 * dot(f, mean)) / Math.hypot(...mean), 3);
          }
        }
      }),
    );
    model.dispose();
  });

  it('resumes bitwise, hidden tokens included, and releases every tensor', async () => {
    const short = { ...options, train: sampleFile(join(folder, 'short.tsv'), 24), epochs: 2, keepLast: 0 };
    const before = memory().tensors;
    const whole = join(folder, 'whole');
    const { losses } = await runTrain({ ...short, output: whole });
    const parts = join(folder, 'parts');
    await runTrain({ ...short, output: parts }, 3);
    const rest = await runTrain({ ...short, output: parts, resume: 'auto' });
    for (const [step, loss] of rest.losses) expect(loss).toBe(losses.get(step));
    expect(remains(parts)).toEqual(remains(whole));
    expect(memory().tensors).toBe(before);
  });

  it('logs both losses; without the auxiliary language model there is one', async () => {
    const short = { ...options, train: sampleFile(join(folder, 'ablation.tsv'), 12), epochs: 1, dev };
    const parts = async (more: object) => {
      const seen: Record<string, number>[] = [];
      await train(
        { ...short, ...more, output: join(folder, `ablation-${Object.keys(more).length}`) },
        { onLog: (info) => seen.push({ ...info.parts, loss: info.loss }) },
      );
      return seen[0]!;
    };
    const both = await parts({ tmskWeight: 0.5, dropout: 0 });
    expect(both.loss).toBeCloseTo(both.pccl! + 0.5 * both.mlm!, 4);
    expect(both.mlm).toBeGreaterThan(0);
    expect(Object.keys(await parts({ tmskWeight: 0 }))).toEqual(['pccl', 'loss']);
  });

  it('prompts begin from the embeddings of the words and are trained', async () => {
    const stored = files.loadSafetensors(join(await trained(), 'model.safetensors'));
    const { prompts } = Object.fromEntries(stored) as { prompts: Tensor };
    expect(prompts.shape).toEqual([2, 128]);
    const base = files.loadSafetensors(join(tiny, 'model.safetensors'));
    const { tokenizer, model } = await openArtefact(await trained());
    const name = [...base.keys()].find((key) => key.endsWith('word_embeddings.weight'))!;
    for (const [i, word] of ['这', '是'].entries()) {
      const begun = base.get(name)!.select(0, tokenizer.tokenToId(word)!);
      const values = tidy(() => begun.to({ dtype: 'float32' }).toArray() as number[]);
      const now = tidy(() => prompts.select(0, i).toArray() as number[]);
      const distance = Math.hypot(...now.map((v, d) => v - values[d]!));
      expect(distance).toBeGreaterThan(0);
      expect(distance).toBeLessThan(0.5 * Math.hypot(...values));
    }
    model.dispose();
    for (const t of [...stored.values(), ...base.values()]) t.dispose();
  });

  it('pairs have their prompt between the texts; patterns may be given', async () => {
    const pairs = join(folder, 'pairs.tsv');
    const body = Array.from(
      { length: 12 },
      (_, i) => `${i % 2}\t今天天气${i}\t${i % 2 ? '今天天气' : '股票下跌'}${i}`,
    );
    writeFileSync(pairs, `${['label\tsent1\tsent2', ...body].join('\n')}\n`);
    const common = { ...options, app: 'text_match', train: pairs, dev: pairs, epochs: 1, batchSize: 6 };
    const output = join(folder, 'pairs');
    await train({ ...common, output, cpInference: 'nearest' });
    const task = (JSON.parse(readFileSync(join(output, 'easynlp.json'), 'utf8')) as { task: CpTuningSpec })
      .task;
    expect(task).toMatchObject({ inference: 'nearest', secondSequence: 'sent2' });
    expect(task.prompt.pattern.source).toBe('sent1,<pseudo:2>,<label>,sent2');
    const match = await pipeline('text_match', output, { device: 'cpu' });
    expect(['0', '1']).toContain(((await match([['天气', '天气']])) as { label: string }[])[0]!.label);
    // EasyNLP's example has no trainable tokens at all.
    const plain = join(folder, 'plain');
    await train({ ...common, output: plain, pattern: 'sent1,label,用,sent2,概括。' });
    const { model } = await openArtefact(plain);
    expect((model as CpTuningModel).prompts).toBeNull();
    model.dispose();
  });

  it('says before training what cannot work', async () => {
    const bad = (more: object) => train({ ...options, output: join(folder, 'never'), ...more });
    await expect(bad({ labels: ['好评', '差评', '中评'] })).rejects.toMatchObject({
      code: 'FEWSHOT_ROWS',
      message: expect.stringContaining('中评'),
    });
    await expect(bad({ pattern: 'text,<pseudo:2>' })).rejects.toMatchObject({ code: 'PROMPT_PATTERN' });
    await expect(bad({ model: undefined, architecture: 'text-cnn' })).rejects.toMatchObject({
      code: 'MODEL_TASK_UNSUPPORTED',
    });
  });

  it('keeps at most so many anchors, of all labels alike', () => {
    expect(anchorRows([0, 1, 0], 3)).toEqual([0, 1, 2]);
    expect(anchorRows([0, 0, 0, 0, 1, 2, 2], 5)).toEqual([0, 1, 4, 5, 6]);
    expect(anchorRows([0, 0, 0, 0, 1, 2, 2], 2)).toEqual([0, 4]);
  });
});
