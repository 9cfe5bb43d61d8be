import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compiled } from './testing/compiled.fixture.js';

let build: ReturnType<typeof compiled>;
beforeAll(() => {
  build = compiled();
});
afterAll(() => build.dispose());

interface Report {
  readonly loss: number;
  readonly tensors: number;
  readonly error: string;
}

function run(seed: number): Promise<Report> {
  const entry = JSON.stringify(pathToFileURL(join(build.folder, 'src', 'index.js')).href);
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(${entry}).then((torch) => {
      const { Generator, memory, nn, optim, randn, tidy, zeros } = torch;
      torch.numThreads(1);
      const generator = new Generator(workerData);
      const model = new nn.Linear(8, 1);
      nn.init.zeros_(model.weight);
      nn.init.zeros_(model.bias);
      const optimizer = new optim.AdamW(model.parameters(), { lr: 0.05 });
      let loss = 0;
      for (let i = 0; i < 100; i++) tidy(() => {
        const x = randn([16, 8], { generator });
        const error = nn.functional.mseLoss(model.forward(x), x.sum({ dim: [1], keepdim: true }));
        optimizer.zeroGrad();
        error.backward();
        optimizer.step();
        loss = error.item();
      });
      let error = '';
      try { zeros([2]).matmul(zeros([3])); } catch (e) { error = e.name + ' ' + e.code; }
      for (let i = 0; i < 1000; i++) zeros([100]); // left to the end of the thread
      parentPort.postMessage({ loss, tensors: memory().tensors, error });
    });`;
  return new Promise((resolve, reject) => {
    const worker = new Worker(code, { eval: true, workerData: seed });
    let report: Report | undefined;
    worker.once('message', (message: Report) => {
      report = message;
    });
    worker.once('error', reject);
    worker.once('exit', (code) =>
      code === 0 && report ? resolve(report) : reject(new Error(`worker ended with ${code}`)),
    );
  });
}

test('several threads load the addon at once and train independently', async () => {
  const reports = await Promise.all([1, 2, 3, 1].map(run));
  for (const { loss, error } of reports) {
    expect(loss).toBeLessThan(5);
    expect(error).toBe('TorchError OPERATOR_FAILED');
  }
  // the same seed gives the same training, whatever the other threads do
  expect(reports[0]!.loss).toBe(reports[3]!.loss);
  expect(reports[0]!.loss).not.toBe(reports[1]!.loss);
});

test('threads come and go, also in the middle of work', async () => {
  for (let round = 0; round < 3; round++) {
    const entry = JSON.stringify(pathToFileURL(join(build.folder, 'src', 'index.js')).href);
    const worker = new Worker(
      `import(${entry}).then(({ randn, tidy }) => {
        require('node:worker_threads').parentPort.postMessage('ready');
        for (;;) tidy(() => randn([64, 64]).matmul(randn([64, 64])));
      });`,
      { eval: true },
    );
    await new Promise((resolve) => worker.once('message', resolve));
    await worker.terminate();
  }
  expect((await run(4)).error).toBe('TorchError OPERATOR_FAILED');
});
