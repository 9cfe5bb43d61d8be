// The checks of one group, run in a process of its own; each prints a line for the process that started it.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { memory } from '@easynlp/torch';
import { assert, compareLosses, compareResults, explain } from './apps-gpu-compare.mjs';

/** What a line of a check begins with, so that nothing else that is printed is taken for one. */
export const MARK = '@@check ';

export async function check(name, fn) {
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
  return { losses: out, output: result.output, left: memory().tensors - before };
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
      const noneLeft = () =>
        assert(trained.left <= 0, `losses agree, but ${trained.left} tensors are left behind on ${device}`);
      if (deviceRandom) {
        assert(trained.losses.length === cpu.losses.length, 'another number of steps');
        assert(trained.losses.every(Number.isFinite), `losses ${trained.losses}`);
        noneLeft();
        return { first, last, lastThere: trained.losses.at(-1) };
      }
      const tolerance = device === 'cpu' && !noise ? 0 : stages ? 2e-2 : 2e-3;
      const worst = compareLosses(cpu.losses, trained.losses, { tolerance, what: `cpu and ${device}` });
      noneLeft();
      return { worst, first, last };
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
    if (cpu && device !== 'cpu' && ['classify', 'heads'].includes(group))
      await check(`${label}: fp16`, async () => {
        const low = await run('fp16', { device, precision: 'fp16' });
        // The first steps may be skipped until the scale of the loss fits.
        return compareLosses(cpu.losses, low.losses, { tolerance: 0.5, floor: 1, what: 'fp32 and fp16' });
      });
    for (const part of ['cpu', 'gpu', 'bf16', 'fp16']) rmSync(at(part), { recursive: true, force: true });
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
  await check('solutions: moderator', () =>
    use(easynlp.moderator, { model: trained.text_classify_multi_label }),
  );
}
