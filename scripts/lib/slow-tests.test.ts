import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, it, vi } from 'vitest';
import { runSlowTests, slowTestFiles } from './slow-tests.mjs';

const folder = mkdtempSync(join(tmpdir(), 'easynlp-slow-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('finds the files that ask for the flag, the fuzz test among the first', () => {
  const names = (slowTestFiles() as string[]).map((path) => path.replace(/^.*\/packages\//, ''));
  expect(names.length).toBeGreaterThan(6);
  expect(names.slice(0, 4)).toContain('torch/src/fuzz.test.ts');
  expect(names).toContain('easynlp/src/trainer/resume.test.ts');
  expect(names).not.toContain('easynlp/src/config/resolve-config.test.ts');
});

/** Stands for vitest: what it does is written in the "test file" itself. */
const runner = join(folder, 'runner.mjs');
writeFileSync(
  runner,
  `import { readFileSync, writeFileSync } from 'node:fs';
   const out = process.argv.find((a) => a.startsWith('--outputFile.json=')).split('=')[1];
   const { passed, failed, hang, mark } = JSON.parse(readFileSync(process.argv.at(-1), 'utf8'));
   if (process.env.EASYNLP_SLOW_TESTS !== '1') process.exit(3);
   if (mark) setInterval(() => writeFileSync(mark, String(Date.now())), 20);
   if (hang) await new Promise((r) => setTimeout(r, 60_000));
   if (passed === undefined) process.exit(1);
   writeFileSync(out, JSON.stringify({ testResults: [], numPassedTests: passed, numFailedTests: failed, numPendingTests: 0 }));
   process.exit(failed ? 1 : 0);`,
);
const file = (name: string, content: object): string => {
  writeFileSync(join(folder, name), JSON.stringify(content));
  return join(folder, name);
};

it('counts what passed and failed, and stops at the deadline what has not ended, with all its processes', async () => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
  vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
  mkdirSync(join(folder, 'out'));
  const options = { lanes: 2, folder: join(folder, 'out'), env: process.env, command: [runner] };
  const run = (files: string[], milliseconds: number) =>
    runSlowTests(files, { ...options, deadline: performance.now() + milliseconds });
  const good = file('good', { passed: 3, failed: 0 });
  const bad = file('bad', { passed: 1, failed: 2 });
  const broken = file('broken', {});
  expect(await run([good, bad, broken], 30_000)).toEqual({ passed: 4, failed: 3, skipped: 0, late: [] });
  const mark = join(folder, 'mark');
  const slow = file('slow', { hang: true, mark });
  const counts = await run([slow, good, slow, good], 1500);
  expect(counts).toMatchObject({ passed: 3, failed: 0 });
  expect(counts.late).toHaveLength(3);
  const last = readFileSync(mark, 'utf8');
  await sleep(120);
  expect(readFileSync(mark, 'utf8')).toBe(last);
  vi.restoreAllMocks();
});
