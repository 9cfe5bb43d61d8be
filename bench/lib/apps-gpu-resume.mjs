// A training that is interrupted and continued ends with the weights of one that is not: one group for each setting.
// What two trainings in a row give is checked by itself: where they differ, it is not the interruption.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { check } from './apps-gpu-checks.mjs';
import { assert } from './apps-gpu-compare.mjs';

/** Settings by the name of their group, and the steps at which they are interrupted; an epoch has 30 batches. */
const VARIANTS = {
  'resume-bf16': [{ precision: 'bf16' }, [37, 30]],
  'resume-fp32': [{ precision: 'fp32' }, [37, 30]],
  'resume-fp16': [{ precision: 'fp16' }, [37]],
  'resume-bf16-eager': [{ precision: 'bf16', cudaGraphs: false }, [37]],
  'resume-fp32-eager': [{ precision: 'fp32', cudaGraphs: false }, [37]],
  'resume-accumulated': [{ precision: 'fp32', gradientAccumulationSteps: 2, epochs: 5 }, [37]],
  'resume-token-budget': [{ precision: 'bf16', batchSize: undefined, tokenBudget: 512 }, [37]],
};

export const resumeGroups = (device) =>
  Object.keys(VARIANTS).filter((name) => name !== 'resume-fp16' || device !== 'cpu');

const sha256 = (path) => createHash('sha256').update(readFileSync(path)).digest('hex');

/** Losses step by step, and the weights in the end, to the last bit. */
function compare(whole, parts, folders) {
  const steps = Object.keys(whole);
  assert(
    Object.keys(parts).length === steps.length,
    `${Object.keys(parts).length} of ${steps.length} steps were done`,
  );
  const differing = steps.filter((step) => whole[step] !== parts[step]);
  const [first] = differing;
  const where = first ? `, the first is ${first}: ${whole[first]} and ${parts[first]}` : '';
  const [a, b] = folders.map((folder) => sha256(join(folder, 'model.safetensors')));
  const weights = `weights ${a === b ? 'are equal' : 'differ'}`;
  assert(
    first === undefined && a === b,
    `${differing.length} of ${steps.length} steps differ${where}; ${weights}`,
  );
  return { steps: steps.length, weights: a.slice(0, 16) };
}

const LIBRARY = new URL('../../packages/easynlp/dist/index.js', import.meta.url).href;
const CONTINUE = `
const [library, options] = process.argv.slice(1);
const { train } = await import(library);
const losses = {};
const { stopped } = await train(JSON.parse(options), { onStep: (i) => { losses[i.step] = i.loss(); } });
console.log(JSON.stringify({ stopped, losses }));
`;

/** The rest of a training in a new process, as after a crash. @returns its losses */
function elsewhere(options) {
  const argv = ['--input-type=module', '-e', CONTINUE, LIBRARY, JSON.stringify(options)];
  const { stdout, stderr, status, signal } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  assert(status === 0, `the new process ended with ${signal ?? status}\n${stderr}`);
  const { stopped, losses } = JSON.parse(stdout.trim().split('\n').at(-1));
  assert(stopped === 'finished', `training ended with ${stopped}`);
  return losses;
}

export async function runResume(easynlp, group, { device, work, models, bundled, samples }) {
  const [changes, stops] = VARIANTS[group];
  const given = bundled && join(bundled, 'bert-tiny-zh');
  const base = {
    ...{ train: join(samples, 'train.tsv'), dev: join(samples, 'dev.tsv'), batchSize: 16, epochs: 3, device },
    ...{ model: given && existsSync(given) ? given : models.dropout, dropout: 0.1, numThreads: 2 },
    ...{ learningRate: 2e-4, keepLast: 0, ...changes },
  };
  const at = (part) => join(work, 'out', `${group}-${part}`);
  const go = async (part, more, stopAt = null) => {
    const stop = new AbortController();
    const losses = {};
    const log = [];
    const onStep = (info) => {
      losses[info.step] = info.loss();
      if (info.step === stopAt) stop.abort();
    };
    const run = { signal: stop.signal, onStep, log: (line) => log.push(line) };
    const said = () => `log of ${part}:\n  ${log.join('\n  ')}`;
    try {
      const { stopped } = await easynlp.train({ ...base, ...more, output: at(part) }, run);
      const expected = stopAt === null ? 'finished' : 'interrupted';
      assert(stopped === expected, `training ended with ${stopped}, expected ${expected}; ${said()}`);
      return { losses, said };
    } catch (cause) {
      throw new Error(`thrown after step ${Object.keys(losses).at(-1) ?? 0}; ${said()}`, { cause });
    }
  };
  let whole = null;
  await check(`${group}: twice the same`, async () => {
    whole = await go('whole', { overwrite: true });
    const again = await go('again', { overwrite: true });
    return compare(whole.losses, again.losses, [at('whole'), at('again')]);
  });
  for (const [s, stopAt] of whole ? stops.entries() : []) {
    let first = null;
    await check(`${group}: interrupted at step ${stopAt}`, async () => {
      first = await go('parts', { overwrite: true }, stopAt);
      if (s === 0) cpSync(at('parts'), at('copy'), { recursive: true });
      const second = await go('parts', { resume: 'auto' });
      const start = Math.min(...Object.keys(second.losses).map(Number));
      assert(start === stopAt + 1, `continued at step ${start}, not ${stopAt + 1}; ${second.said()}`);
      return compare(whole.losses, { ...first.losses, ...second.losses }, [at('whole'), at('parts')]);
    });
    if (s > 0 || !existsSync(at('copy'))) continue;
    await check(`${group}: interrupted at step ${stopAt}, continued in a new process`, () => {
      const rest = elsewhere({ ...base, resume: 'auto', output: at('copy') });
      return compare(whole.losses, { ...first.losses, ...rest }, [at('whole'), at('copy')]);
    });
  }
  for (const part of ['whole', 'again', 'parts', 'copy']) rmSync(at(part), { recursive: true, force: true });
}
