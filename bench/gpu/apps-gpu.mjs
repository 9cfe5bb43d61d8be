#!/usr/bin/env node
// Trains and predicts with every task, head, method and architecture on a device and on the CPU and compares; then
// continues interrupted trainings there. Groups run in processes of their own, so that none can take another with it.
//   node bench/gpu/apps-gpu.mjs [--device cuda] [--jobs 4] [--models folder] [--groups a,b] [--match text]
//        [--timeout seconds of a group] [--output file.json] [--work folder] [--noise]
// With --device cpu it compares the CPU with itself, which must be equal; --noise pads one of them fully.
// Prints PASS/FAIL lines, exit status 1 when one fails.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeCases, untrainedCases } from '../lib/apps-gpu-cases.mjs';
import { MARK, runCases, runUntrained } from '../lib/apps-gpu-checks.mjs';
import { explain } from '../lib/apps-gpu-compare.mjs';
import { randomModel, writeData } from '../lib/apps-gpu-data.mjs';
import { resumeGroups, runResume } from '../lib/apps-gpu-resume.mjs';
import { flag, option, root } from '../lib/report.mjs';

const self = fileURLToPath(import.meta.url);
const device = option('device', 'cuda');
const noise = flag('noise');
const group = option('group', null);
const samples = join(root, 'packages/easynlp/samples/reviews');
const load = () => import('../../packages/easynlp/dist/index.js');
const fail = (error) => {
  console.error(explain(error));
  process.exit(3);
};

/** Data, random models and a teacher, made once. */
async function prepare(work) {
  const easynlp = await load();
  const { words, ...data } = await writeData(join(work, 'data'), samples);
  const architectures = easynlp.modelzoo.ARCHITECTURES.filter((a) => a.build.encoder).map((a) => a.modelType);
  const models = {};
  const make = async (name, modelType, more) => {
    models[name] = join(work, 'models', name);
    await randomModel(easynlp.modelzoo, models[name], { modelType, words, more });
  };
  for (const type of architectures) await make(type, type);
  await make('deep', 'bert', { num_hidden_layers: 4 });
  await make('dropout', 'bert', { hidden_dropout_prob: 0.1, attention_probs_dropout_prob: 0.1 });
  const teacher = join(work, 'teacher-deep');
  await easynlp.train({
    ...{ train: data.paths['reviews.tsv'], model: models.deep, output: teacher, sequenceLength: 48 },
    ...{ batchSize: 8, maxSteps: 16, learningRate: 1e-3, device: 'cpu', numThreads: 2, saveStrategy: 'none' },
    overwrite: true,
  });
  const own = ['packages/models-zh', join(root, 'packages/models-zh')].find((path) => existsSync(path));
  const bundled = option('models', own ?? null);
  return { ...data, models, architectures, teacher, bundled, samples, work };
}

const casesOf = (context) => makeCases({ ...context, teacherOf: () => context.teacher });

async function child() {
  process.on('unhandledRejection', fail);
  process.on('uncaughtException', fail);
  const context = JSON.parse(readFileSync(join(option('work', null), 'context.json'), 'utf8'));
  const settings = { ...context, device, noise };
  const easynlp = await load();
  const only = option('match', '');
  if (group === 'untrained') await runUntrained(easynlp, untrainedCases(context), settings);
  else if (resumeGroups(device).includes(group)) await runResume(easynlp, group, settings);
  else {
    const mine = casesOf(context).filter((one) => one.group === group && one.name.includes(only));
    await runCases(easynlp, mine, settings);
  }
  // An open handle shall not turn a group that has ended into one that hangs.
  process.stdout.write(`${MARK}end\n`, () => process.exit(0));
}

const results = [];
function report(result) {
  results.push(result);
  const { name, ok, note, ms } = result;
  const text = ok ? (note === null ? '' : `: ${JSON.stringify(note)}`) : `: ${note}`;
  console.log(`${ok ? 'PASS' : 'FAIL'} ${name} (${Math.round(ms)} ms)${text}`);
}

/** One group in its own process: its checks are reported as they come, and what it ended with if not with its end. */
function runGroup(name, work, limit) {
  return new Promise((resolve) => {
    const begun = performance.now();
    const forward = process.argv.slice(2).filter((_, i, all) => {
      const [own, before] = [all[i], all[i - 1]];
      return !['--work', '--output', '--groups', '--jobs'].some((key) => key === own || key === before);
    });
    const running = spawn(process.execPath, [self, ...forward, '--group', name, '--work', work], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, OMP_NUM_THREADS: process.env.OMP_NUM_THREADS ?? '2' },
    });
    let ended = false;
    let late = false;
    let rest = '';
    let other = '';
    const keep = (text) => {
      other = `${other}${text}`.slice(-6000);
    };
    const timer = setTimeout(() => {
      late = true;
      running.kill('SIGKILL');
    }, limit * 1000);
    running.stdout.setEncoding('utf8').on('data', (text) => {
      const lines = `${rest}${text}`.split('\n');
      rest = lines.pop();
      for (const line of lines) {
        if (line === `${MARK}end`) ended = true;
        else if (line.startsWith(MARK)) report(JSON.parse(line.slice(MARK.length)));
        else keep(`${line}\n`);
      }
    });
    running.stderr.setEncoding('utf8').on('data', keep);
    running.on('error', (error) => keep(explain(error)));
    running.on('close', (code, signal) => {
      clearTimeout(timer);
      const ms = performance.now() - begun;
      const ok = ended && code === 0;
      const how = late ? `not ended after ${limit} s` : `ended with ${signal ?? code}`;
      if (ok) console.log(`     ${name} took ${Math.round(ms)} ms`);
      else report({ name: `${name}: its process`, ok, ms, note: `${how}\n${other}` });
      resolve();
    });
  });
}

async function main() {
  const begun = performance.now();
  const given = option('work', null);
  const work = given ?? mkdtempSync(join(tmpdir(), 'easynlp-apps-gpu-'));
  const context = await prepare(work);
  writeFileSync(join(work, 'context.json'), JSON.stringify(context));
  const all = [...resumeGroups(device), ...new Set(casesOf(context).map((one) => one.group)), 'untrained'];
  const wanted = option('groups', null)?.split(',') ?? all;
  for (const name of wanted)
    if (!all.includes(name)) throw new Error(`there is no group ${name}: ${all.join(', ')}`);
  const queue = [...wanted];
  const limit = Number(option('timeout', 100));
  const work1 = async () => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift())
      await runGroup(name, work, limit);
  };
  await Promise.all(Array.from({ length: Number(option('jobs', 4)) }, work1));
  if (!given) rmSync(work, { recursive: true, force: true });
  const failed = results.filter(({ ok }) => !ok);
  const output = option('output', null);
  const seconds = (performance.now() - begun) / 1000;
  if (output) writeFileSync(output, `${JSON.stringify({ device, seconds, results }, null, 2)}\n`);
  for (const { name, note } of failed) console.log(`FAILED ${name}: ${String(note).split('\n')[0]}`);
  console.log(
    `apps-gpu: ${results.length - failed.length} passed, ${failed.length} failed (${seconds.toFixed(0)} s)`,
  );
  process.exitCode = failed.length ? 1 : 0;
}

process.on('exit', (code) => {
  if (code > 1) console.error(`exit status ${code}`);
});
await (group ? child() : main()).catch(fail);
