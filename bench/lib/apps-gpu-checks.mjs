// The checks of one group, run in a process of its own; each prints a line for the process that started it.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { memory } from '@easynlp/torch';
import { assert, compareLosses, compareResults, explain } from './apps-gpu-compare.mjs';

/** What a line of a check begins with, so that nothing else that is printed is taken for one. */
export const MARK = '@@check ';

async function check(name, fn) {
  const start = performance.now();
  const print = (result) =>
    process.stdout.write(`${MARK}${JSON.stringify({ name, ms: performance.now() - start, ...result })}\n`);
  try {
    print({ ok: true, note: (await fn()) ?? null });
  } catch (error) {
    print({ ok: false, note: explain(error) });
  }
}

/** Trains and collects the loss of every step of every stage. */
async function losses(easynlp, options) {
  const out = [];
  const before = memory().tensors;
  const result = await easynlp.train(options, { onStep: (info) => out.push(info.loss()) });
  assert(result.stopped === 'finished', `training ended with ${result.stopped}`);
  // Fewer is possible: garbage collection may find leftovers of earlier checks.
  const left = memory().tensors - before;
  assert(left <= 0, `${left} tensors are left behind on ${options.device}`);
  return { losses: out, output: result.output };
}

async function answers(easynlp, { task, inputs, options = {} }, model, device) {
  const run = await easynlp.pipeline(task, model, { device, options, batchSize: 2, numThreads: 2 });
  try {
    return await run(inputs);
  } finally {
    run.dispose();
  }
}

const plain = (value) =>
  JSON.parse(JSON.stringify(value, (_, v) => (ArrayBuffer.isView(v) ? Array.from(v) : v)));

export async function runCases(easynlp, cases, { device, work, noise }) {
  for (const [i, one] of cases.entries()) {
    const { group, name, options, ask, looseBf16 = false, stages = false, deviceRandom = false } = one;
    const label = `${group}: ${name}`;
    const at = (part) => join(work, 'out', `${group}-${i}-${part}`);
    const run = (part, changes) =>
      losses(easynlp, { ...options, tokenCache: undefined, ...changes, output: at(part), overwrite: true });
    let cpu = null;
    let trained = null;
    await check(`${label}: fp32`, async () => {
      cpu = await run('cpu', { device: 'cpu', precision: 'fp32' });
      trained = await run('gpu', { device, precision: 'fp32', ...(noise ? { padding: 'max_length' } : {}) });
      const [first, last] = [cpu.losses[0], cpu.losses.at(-1)];
      if (deviceRandom) {
        assert(trained.losses.length === cpu.losses.length, 'another number of steps');
        assert(trained.losses.every(Number.isFinite), `losses ${trained.losses}`);
        return { first, last, lastThere: trained.losses.at(-1) };
      }
      const tolerance = device === 'cpu' && !noise ? 0 : stages ? 2e-2 : 2e-3;
      return {
        worst: compareLosses(cpu.losses, trained.losses, { tolerance, what: `cpu and ${device}` }),
        first,
        last,
      };
    });
    if (ask && trained)
      await check(`${label}: predict`, async () => {
        const here = plain(await answers(easynlp, ask, trained.output, 'cpu'));
        const there = plain(await answers(easynlp, ask, trained.output, device));
        return Number(compareResults(here, there, 1e-3).toExponential(2));
      });
    if (cpu)
      await check(`${label}: bf16`, async () => {
        const low = await run('bf16', { device, precision: 'bf16' });
        // Stages feed on one another; what is drawn on the device differs anyway.
        const tolerance = deviceRandom || stages ? 1 : looseBf16 ? 0.25 : 0.05;
        const worst = compareLosses(cpu.losses, low.losses, { tolerance, floor: 1, what: 'fp32 and bf16' });
        if (ask) await answers(easynlp, ask, low.output, device);
        return { worst };
      });
    for (const part of ['cpu', 'gpu', 'bf16']) rmSync(at(part), { recursive: true, force: true });
  }
}

/** Tasks without training, and the solutions made of trained models. */
export async function runUntrained(easynlp, cases, { device, paths, models, work }) {
  const compare = async (ask) =>
    Number(compareResults(plain(await ask('cpu')), plain(await ask(device)), 1e-3).toExponential(2));
  for (const { name, model, ...ask } of cases)
    await check(`untrained: ${name}`, () => compare((d) => answers(easynlp, ask, model, d)));

  const trained = {};
  const options = { device, maxSteps: 20, epochs: 9, learningRate: 1e-3, batchSize: 8, sequenceLength: 48 };
  for (const [app, train] of [
    ['text_classify_multi_label', paths['multi.tsv']],
    ['sequence_labeling', paths['people.conll']],
    ['text_classify', paths['reviews.tsv']],
  ]) {
    const output = join(work, 'out', `solution-${app}`);
    await check(`solutions: ${app}`, async () => {
      await easynlp.train({ app, train, model: models.bert, ...options, output, overwrite: true });
      trained[app] = output;
    });
  }
  const texts = ['昨天，王小明去了北京。', '第1台噪音大送货快'];
  const use = (make, settings) =>
    compare(async (d) => {
      const run = await make({ ...settings, device: d });
      try {
        return await run(texts);
      } finally {
        run.dispose();
      }
    });
  for (const keywords of ['textrank', 'embedding'])
    await check(`solutions: tagger, ${keywords}`, () =>
      use(easynlp.tagger, {
        ...{ tagModel: trained.text_classify_multi_label, entityModel: trained.sequence_labeling, keywords },
        ...(keywords === 'embedding' ? { vectorModel: models.bert } : {}),
      }),
    );
  await check('solutions: moderator', () => use(easynlp.moderator, { model: trained.text_classify }));
}

const sha256 = (path) => createHash('sha256').update(readFileSync(path)).digest('hex');

/**
 * A training that is interrupted and continued ends with the weights of one that is not. What two trainings in a row
 * give is checked by itself: where they differ, it is not the interruption.
 */
export async function runResume(easynlp, { device, work, models, bundled, samples }) {
  const tiny =
    bundled && existsSync(join(bundled, 'bert-tiny-zh')) ? join(bundled, 'bert-tiny-zh') : models.dropout;
  const variants = [
    ['bf16', { precision: 'bf16' }],
    ['fp32', { precision: 'fp32' }],
    ['bf16 without graphs', { precision: 'bf16', cudaGraphs: false }],
    ['fp32 without graphs', { precision: 'fp32', cudaGraphs: false }],
    ['fp32, accumulated', { precision: 'fp32', gradientAccumulationSteps: 2, epochs: 5 }],
    ['bf16, token budget', { precision: 'bf16', batchSize: undefined, tokenBudget: 512, epochs: 5 }],
    ...(device === 'cpu' ? [] : [['fp16', { precision: 'fp16' }]]),
  ];
  const base = {
    ...{ train: join(samples, 'train.tsv'), dev: join(samples, 'dev.tsv'), model: tiny, batchSize: 16 },
    ...{ epochs: 3, device, learningRate: 2e-4, keepLast: 0, dropout: 0.1, numThreads: 2 },
  };
  const go = async (output, changes, stopAt = null) => {
    const stop = new AbortController();
    const out = {};
    const log = [];
    const onStep = (info) => {
      out[info.step] = info.loss();
      if (info.step === stopAt) stop.abort();
    };
    const run = { signal: stop.signal, onStep, log: (line) => log.push(line) };
    try {
      const { stopped } = await easynlp.train({ ...base, ...changes, output }, run);
      return { losses: out, stopped, log };
    } catch (error) {
      throw new Error(`after step ${Object.keys(out).at(-1) ?? 0}; log:\n  ${log.join('\n  ')}`, {
        cause: error,
      });
    }
  };
  const compare = (whole, parts, folders) => {
    const steps = Object.keys(whole);
    const differing = steps.filter((step) => whole[step] !== parts[step]);
    const [first] = differing;
    const where = first ? `first at ${first}: ${whole[first]} and ${parts[first]}` : 'losses are equal';
    assert(
      Object.keys(parts).length === steps.length,
      `${Object.keys(parts).length} of ${steps.length} steps`,
    );
    const [a, b] = folders.map((folder) => sha256(join(folder, 'model.safetensors')));
    assert(
      differing.length === 0 && a === b,
      `${differing.length} of ${steps.length} steps differ (${where}); weights ${a === b ? 'equal' : 'differ'}`,
    );
    return { steps: steps.length, weights: a.slice(0, 16) };
  };
  for (const [name, changes] of variants) {
    const at = (part) => join(work, 'out', `resume-${name.replaceAll(/[ ,]+/g, '-')}-${part}`);
    const label = `resume ${name}`;
    let whole = null;
    await check(`${label}: twice the same`, async () => {
      whole = await go(at('whole'), { ...changes, overwrite: true });
      assert(whole.stopped === 'finished', `the whole training ended with ${whole.stopped}`);
      const again = await go(at('again'), { ...changes, overwrite: true });
      return compare(whole.losses, again.losses, [at('whole'), at('again')]);
    });
    if (!whole) continue;
    for (const stopAt of [37, 30])
      await check(`${label}: interrupted at step ${stopAt}`, async () => {
        const first = await go(at('parts'), { ...changes, overwrite: true }, stopAt);
        assert(first.stopped === 'interrupted', `the interrupted training ended with ${first.stopped}`);
        const second = await go(at('parts'), { ...changes, resume: 'auto' });
        assert(second.stopped === 'finished', `the continued training ended with ${second.stopped}`);
        const [start] = Object.keys(second.losses).map(Number);
        assert(start === stopAt + 1, `continued at step ${start}; log:\n  ${second.log.join('\n  ')}`);
        return compare(whole.losses, { ...first.losses, ...second.losses }, [at('whole'), at('parts')]);
      });
    for (const part of ['whole', 'again', 'parts']) rmSync(at(part), { recursive: true, force: true });
  }
}
