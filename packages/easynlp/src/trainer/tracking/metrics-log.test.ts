import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MetricsLog, type MetricsRecord, readMetrics } from './metrics-log.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'easynlp-metrics-'));
  path = join(folder, 'run', 'metrics.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true }));

const content = () => readFileSync(path, 'utf8');

/** What a run writes: a train line per step, an evaluation every third step. */
function run(log: MetricsLog, from: number, to: number): void {
  for (let step = from; step <= to; step++) {
    log.write({ step, event: 'train', loss: 1 / step });
    if (step % 3 === 0) log.write({ step, event: 'evaluate', accuracy: step / 100, note: '行\u2028尾\n' });
  }
}

it('writes one JSON object per line: step and event first, time last, no NaN', async () => {
  const log = await MetricsLog.open(path, { resumeStep: null });
  log.write({
    time: { seconds: 1.5 },
    loss: 0.1 + 0.2,
    auc: null,
    event: 'train',
    step: 1,
    best: Number.NaN,
  });
  log.write({ step: 2, event: 'train' });
  log.sync();
  expect(content()).toBe(
    '{"step":1,"event":"train","loss":0.30000000000000004,"auc":null,"best":null,"time":{"seconds":1.5}}\n{"step":2,"event":"train"}\n',
  );
  log.close();
  log.close();
});

it('a fresh run starts an empty file', async () => {
  for (let i = 0; i < 2; i++) {
    const log = await MetricsLog.open(path, { resumeStep: null });
    run(log, 1, 2);
    log.close();
  }
  expect(content().split('\n')).toHaveLength(3);
});

it('after a resume at any step, with any amount written beyond it, the file equals an uninterrupted run', async () => {
  const whole = await MetricsLog.open(path, { resumeStep: null });
  run(whole, 1, 12);
  whole.close();
  const expected = content();
  await fc.assert(
    fc.asyncProperty(fc.nat(12), fc.nat(), async (saved, extra) => {
      // Killed after some bytes beyond the lines of the saved step.
      const kept = expected
        .split('\n')
        .filter((line) => line !== '' && (JSON.parse(line) as MetricsRecord).step <= saved);
      const start = Buffer.byteLength(kept.map((line) => `${line}\n`).join(''));
      const bytes = Buffer.from(expected);
      writeFileSync(path, bytes.subarray(0, start + (extra % (bytes.length - start + 1))));
      const log = await MetricsLog.open(path, { resumeStep: saved });
      run(log, saved + 1, 12);
      log.close();
      expect(content()).toBe(expected);
      expect(readdirSync(join(folder, 'run'))).toEqual(['metrics.jsonl']);
    }),
    { numRuns: 60 },
  );
});

it('resuming without a file starts one; resuming with long lines keeps them', async () => {
  const log = await MetricsLog.open(path, { resumeStep: 7 });
  log.write({ step: 8, event: 'evaluate', report: '好'.repeat(50_000) });
  log.write({ step: 9, event: 'train' });
  log.close();
  const before = content().split('\n')[0];
  (await MetricsLog.open(path, { resumeStep: 8 })).close();
  expect(content()).toBe(`${before}\n`);
});

it('readMetrics leaves out what is no record and copes with a missing file', async () => {
  const read = async () => {
    const found: number[] = [];
    for await (const record of readMetrics(path)) found.push(record.step);
    return found;
  };
  expect(await read()).toEqual([]);
  const log = await MetricsLog.open(path, { resumeStep: null });
  run(log, 1, 3);
  log.close();
  appendFileSync(path, 'null\n[1]\n{"loss":1}\n{"step":4,"ev');
  expect(await read()).toEqual([1, 2, 3, 3]);
});

it('leaves the old file and no temporary one when it cannot be read', async () => {
  await expect(MetricsLog.open(folder, { resumeStep: 1 })).rejects.toThrow(/EISDIR/);
  expect(existsSync(folder)).toBe(true);
  expect(readdirSync(folder)).toEqual([]);
});
