#!/usr/bin/env node
import { fileURLToPath } from 'node:url';
// Training step of a BERT classifier on CUDA against Hugging Face transformers in the same run: length 128, bf16
// autocast, dropout, clip, fused AdamW; the loss is never read. Both sides alternate, medians count.
//   node bench/gpu/train-step-gpu.mjs [--rounds 2] [--sizes base] [--batches 32,128] [--raw] [--js-only] [--no-graph]
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
} from '../lib/report.mjs';

const sizes = option('sizes', 'base').split(',');
const batches = option('batches', '32,128').split(',').map(Number);

/** One process's measurements: eagerly, and as train() does it where it can, each step one CUDA graph. */
async function work() {
  const torch = await import('@easynlp/torch');
  const { amp, cuda, libtorchInfo, manualSeed, nn, optim, clipGradNorm, tidy, randint, memory } = torch;
  const { loadClassifier } = await import('../lib/bert.mjs');
  if (!cuda.isAvailable()) throw new Error('no CUDA device');
  torch.allowTf32(true);
  const rows = [];

  async function measure(size, batch, graph) {
    manualSeed(0);
    const { model, logits, name } = await loadClassifier(size, { device: 'cuda', raw: flag('raw') });
    model.train();
    const parameters = model.parameters();
    const optimizer = new optim.AdamW(parameters, { lr: 3e-5, fused: true });
    const ids = randint(0, 21128, [batch, 128], { dtype: 'int64', device: 'cuda' });
    const labels = randint(0, 2, [batch], { dtype: 'int64', device: 'cuda' });
    const eager = () =>
      tidy(() => {
        const loss = amp.autocast({ device: 'cuda', dtype: 'bfloat16' }, () =>
          nn.functional.crossEntropy(logits(ids), labels),
        );
        loss.backward();
        clipGradNorm(parameters, 1);
        optimizer.step();
        optimizer.zeroGrad();
      });
    const leave = graph ? torch.enterCaptureStream() : () => {};
    if (graph) optimizer.prepareCapture('cuda');
    let captured = null;
    try {
      for (let i = 0; i < 5; i++) eager();
      cuda.synchronize();
      captured = graph ? torch.CudaGraph.capture(eager) : null;
      const step = captured ? () => captured.replay() : eager;
      for (let i = 0; i < 5; i++) step();
      cuda.synchronize();
      cuda.resetPeakMemory();
      const before = memory().tensors;
      const times = [];
      for (let block = 0; block < 5; block++) {
        const start = performance.now();
        for (let i = 0; i < 10; i++) step();
        cuda.synchronize();
        times.push((performance.now() - start) / 10);
      }
      // how long the host needs to queue a step, without waiting for the device
      const start = performance.now();
      step();
      const queueMs = performance.now() - start;
      cuda.synchronize();
      return {
        model: name,
        ms: median(times),
        queueMs,
        peakGiB: cuda.memory().allocatedPeak / 2 ** 30,
        liveGrowth: memory().tensors - before,
      };
    } finally {
      captured?.dispose();
      model.dispose();
      ids.dispose();
      labels.dispose();
      optimizer.dispose();
      leave();
      cuda.emptyCache();
    }
  }

  for (const size of sizes) {
    for (const batch of batches) {
      const eager = await measure(size, batch, false);
      let graph = null;
      try {
        graph = flag('no-graph') ? null : await measure(size, batch, true);
      } catch (error) {
        console.error(`as a graph, ${size} × ${batch}: ${error?.stack ?? error}`);
      }
      rows.push({ size, batch, ...eager, graphMs: graph?.ms ?? null, graphPeakGiB: graph?.peakGiB ?? null });
    }
  }
  return { torch: libtorchInfo().version, gpu: cuda.memory().name, rows };
}

if (flag('worker')) {
  console.log(JSON.stringify(await work()));
} else {
  const rounds = Number(option('rounds', '2'));
  const own = fileURLToPath(import.meta.url);
  const pass = ['--sizes', sizes.join(','), '--batches', batches.join(',')];
  const extra = ['raw', 'no-graph'].filter(flag).map((name) => `--${name}`);
  const js = [];
  const py = [];
  for (let round = 0; round < rounds; round++) {
    js.push(json(process.execPath, [own, '--worker', ...pass, ...extra]));
    if (!flag('js-only')) py.push(json(python, [pythonScript('transformers_step_gpu.py'), ...pass]));
  }
  const rows = js[0].rows.map((row, i) => {
    const jsMs = median(js.map((run) => run.rows[i].ms));
    const pythonMs = py.length ? median(py.map((run) => run.rows[i].ms)) : null;
    return {
      size: row.size,
      batch: row.batch,
      jsMs,
      pythonMs,
      ratio: pythonMs === null ? null : jsMs / pythonMs,
      jsGraphMs: row.graphMs === null ? null : median(js.map((run) => run.rows[i].graphMs ?? Number.NaN)),
      jsQueueMs: median(js.map((run) => run.rows[i].queueMs)),
      jsPeakGiB: row.peakGiB,
      pythonPeakGiB: py[0]?.rows[i].peakGiB ?? null,
      liveGrowth: row.liveGrowth,
    };
  });
  const result = {
    title: 'Training step on CUDA: BERT classifier, length 128, bf16 autocast, fused AdamW',
    machine: machine({ gpu: js[0].gpu, torch: js[0].torch, transformers: py[0]?.transformers ?? null }),
    model: js[0].rows[0].model,
    rows,
    runs: { js, py },
  };
  save('train-step-gpu', result);
  const n = (value, digits = 2) => (value === null ? '-' : value.toFixed(digits));
  printTable([
    [
      'BERT, length 128',
      'batch',
      'ours ms',
      'transformers ms',
      'ratio',
      'queue ms',
      'ours GiB',
      'theirs GiB',
    ],
    ...rows.map((r) => [
      r.size,
      r.batch,
      n(r.jsMs),
      n(r.jsGraphMs),
      n(r.pythonMs),
      n(r.ratio),
      n(r.jsQueueMs),
      n(r.jsPeakGiB),
      n(r.pythonPeakGiB),
    ]),
  ]);
}
