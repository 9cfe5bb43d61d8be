#!/usr/bin/env node
// Training step of a BERT classifier on the CPU against the same model in plain PyTorch, same libtorch and BLAS:
// 4 layers × 512, 8 heads, batch 32 × 128 tokens; forward, backward, clip, AdamW (foreach); fp32 and bf16 autocast.
//   node bench/train-step.mjs [--rounds 6] [--size small] [--precisions fp32,bf16]
// Goals: time ≤ 1.05 × Python's, peak memory above the bare import ≤ 1.1 ×, live tensors constant over 200 steps.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import {
  flag,
  machine,
  median,
  memoryKb,
  option,
  printTable,
  python,
  pythonScript,
  save,
} from './lib/report.mjs';
import { Stepper } from './lib/stepper.mjs';

const GOALS = { time: 1.05, memory: 1.1 };
const status = () => readFileSync('/proc/self/status', 'utf8');

async function work() {
  const { amp, clipGradNorm, manualSeed, memory, nn, optim, randint, tidy } = await import('@easynlp/torch');
  const { loadClassifier } = await import('./lib/bert.mjs');
  const { model, logits, name } = await loadClassifier(option('size', 'small'), {
    raw: flag('raw'),
    prepare: () => manualSeed(0),
  });
  model.train();
  const parameters = model.parameters();
  const optimizer = new optim.AdamW(parameters, { lr: 5e-5 });
  const batch = Number(option('batch', '32'));
  const ids = randint(1, 21128, [batch, Number(option('length', '128'))], { dtype: 'int64' });
  const labels = randint(0, 2, [batch], { dtype: 'int64' });
  const enabled = option('precision', 'fp32') === 'bf16';
  const step = () =>
    tidy(() => {
      const loss = amp.autocast({ device: 'cpu', dtype: 'bfloat16', enabled }, () =>
        nn.functional.crossEntropy(logits(ids), labels),
      );
      loss.backward();
      clipGradNorm(parameters, 1);
      optimizer.step();
      optimizer.zeroGrad();
    });
  // One step for every line read, so that the two sides can alternate; the last line of output sums up.
  const live = [];
  for await (const _ of createInterface({ input: process.stdin })) {
    const start = performance.now();
    const before = process.cpuUsage();
    step();
    const seconds = (performance.now() - start) / 1e3;
    const { user, system } = process.cpuUsage(before);
    console.log(JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6 }));
    live.push(memory().tensors);
  }
  return {
    model: name,
    baselineKb,
    peakKb: memoryKb(status(), 'VmHWM'),
    parameters: model.parameterCount().count,
    live: { first: live[1] ?? live[0], last: live.at(-1), most: Math.max(...live.slice(1)) },
  };
}

let baselineKb = 0;
if (flag('worker')) {
  await import('@easynlp/torch');
  baselineKb = memoryKb(status(), 'VmRSS');
  console.log(JSON.stringify(await work()));
} else {
  const rounds = Number(option('rounds', '6'));
  const size = option('size', 'small');
  const common = ['--size', size, '--batch', option('batch', '32'), '--length', option('length', '128')];
  const worker = [fileURLToPath(import.meta.url), '--worker', ...(flag('raw') ? ['--raw'] : [])];
  const rows = [];
  const runs = {};
  for (const precision of option('precisions', 'fp32,bf16').split(',')) {
    const args = [...common, '--precision', precision];
    const sides = {
      js: new Stepper(process.execPath, [...worker, ...args]),
      python: new Stepper(python, [pythonScript('bert_step.py'), ...args]),
    };
    const seconds = { js: [], python: [] };
    const cpu = { js: [], python: [] };
    for (const side of ['js', 'python']) await sides[side].step(); // warm up
    for (let round = 0; round < rounds; round++) {
      // the order changes, so that neither side always runs behind the other
      for (const side of round % 2 ? ['python', 'js'] : ['js', 'python']) {
        const took = await sides[side].step();
        seconds[side].push(took.seconds);
        cpu[side].push(took.cpuSeconds);
      }
    }
    const js = await sides.js.end();
    const py = await sides.python.end();
    runs[precision] = { seconds, cpuSeconds: cpu, js, python: py };
    const peak = (r) => (r.peakKb - r.baselineKb) / 1024;
    rows.push({
      precision,
      jsSeconds: median(seconds.js),
      pythonSeconds: median(seconds.python),
      ratio: median(seconds.js.map((s, i) => s / seconds.python[i])),
      // Other programs on the machine disturb the clock, but hardly the processor time, since threads do not spin.
      cpuRatio: median(cpu.js.map((s, i) => s / cpu.python[i])),
      ratioOfBest: Math.min(...seconds.js) / Math.min(...seconds.python),
      jsPeakMiB: peak(js),
      pythonPeakMiB: peak(py),
      memoryRatio: peak(js) / peak(py),
      sameParameters: js.parameters === py.parameters,
    });
  }
  const tiny = new Stepper(process.execPath, [
    ...worker,
    '--size',
    'micro',
    '--batch',
    '4',
    '--length',
    '16',
  ]);
  for (let i = 0; i < 202; i++) await tiny.step();
  const many = await tiny.end();
  save(option('name', 'train-step'), {
    title: 'Training step on the CPU: BERT classifier against plain PyTorch',
    machine: machine(),
    model: runs[rows[0].precision].js.model,
    size,
    goals: GOALS,
    rows,
    liveTensorsOver200Steps: many.live,
    runs,
  });
  printTable([
    ['precision', 'ours s', 'Python s', 'ratio', 'of CPU time', 'of best', 'ours MiB', 'Python MiB', 'ratio'],
    ...rows.map((r) => [
      r.precision,
      ...[r.jsSeconds, r.pythonSeconds, r.ratio, r.cpuRatio, r.ratioOfBest].map((v) => v.toFixed(3)),
      r.jsPeakMiB.toFixed(0),
      r.pythonPeakMiB.toFixed(0),
      r.memoryRatio.toFixed(3),
    ]),
  ]);
  console.log(`live tensors over 200 steps: ${many.live.first} to ${many.live.last}, most ${many.live.most}`);
  const missed = rows.filter((r) => r.ratio > GOALS.time || r.memoryRatio > GOALS.memory);
  if (missed.length || many.live.most !== many.live.first) {
    console.log('a goal was missed');
    process.exitCode = 1;
  }
}
