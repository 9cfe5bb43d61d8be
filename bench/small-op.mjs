#!/usr/bin/env node
// Cost of one small operator called from JavaScript against the same from Python, same libtorch, one thread of calls.
//   node bench/small-op.mjs [--rounds 5]
// Goal: at most 1.3 × Python's.
import { fileURLToPath } from 'node:url';
import {
  flag,
  json,
  machine,
  median,
  option,
  printTable,
  python,
  pythonScript,
  save,
} from './lib/report.mjs';

const GOAL = 1.3;

async function work() {
  const { manualSeed, noGrad, nn, ones, rand, scope, zeros } = await import('@easynlp/torch');
  manualSeed(0);
  const [a, b] = [rand([8]), rand([8])];
  const [ag, bg] = [rand([8]), rand([8])];
  ag.requiresGrad = true;
  bg.requiresGrad = true;
  const norm = new nn.LayerNorm(768);
  const [x, m, n] = [rand([8, 768]), rand([64, 64]), rand([64, 64])];
  const gain = ones([768]);
  const shift = zeros([768]);
  norm.weight.setData(gain);
  norm.bias.setData(shift);

  // As in training: tensors belong to a scope per step, here of 100 calls. Python frees each result at once.
  const measure = (fn, count) => {
    const loop = (calls) => {
      for (let done = 0; done < calls; done += 100) {
        const s = scope();
        for (let i = 0; i < 100; i++) fn();
        s.close();
      }
    };
    loop(count);
    const times = [];
    for (let i = 0; i < 5; i++) {
      const start = performance.now();
      loop(count);
      times.push(((performance.now() - start) / count) * 1e3);
    }
    return median(times);
  };
  return {
    'add, 8 elements, no grad': noGrad(() => measure(() => a.add(b), 20000)),
    'add, 8 elements, grad': measure(() => ag.add(bg), 20000),
    'layer_norm 8×768': noGrad(() => measure(() => norm.forward(x), 10000)),
    'matmul 64×64': noGrad(() => measure(() => m.matmul(n), 10000)),
  };
}

if (flag('worker')) {
  console.log(JSON.stringify(await work()));
} else {
  const runs = { js: [], python: [] };
  for (let round = 0; round < Number(option('rounds', '5')); round++) {
    runs.js.push(json(process.execPath, [fileURLToPath(import.meta.url), '--worker']));
    runs.python.push(json(python, [pythonScript('small_op.py')]));
  }
  const rows = Object.keys(runs.js[0]).map((name) => {
    const jsUs = median(runs.js.map((run) => run[name]));
    const pythonUs = median(runs.python.map((run) => run[name]));
    const ratio = median(runs.js.map((run, i) => run[name] / runs.python[i][name]));
    return { name, jsUs, pythonUs, ratio };
  });
  save('small-op', {
    title: 'Cost of one small operator',
    machine: machine(),
    goal: { ratio: GOAL, for: 'add' },
    rows,
    runs,
  });
  printTable([
    ['operator', 'ours µs', 'Python µs', 'ratio'],
    ...rows.map((r) => [r.name, r.jsUs.toFixed(2), r.pythonUs.toFixed(2), r.ratio.toFixed(2)]),
  ]);
  const missed = rows.filter((r) => r.name.startsWith('add') && r.ratio > GOAL);
  if (missed.length) {
    console.log(`missed the goal of ${GOAL}: ${missed.map((r) => r.name).join('; ')}`);
    process.exitCode = 1;
  }
}
