#!/usr/bin/env node
// npm test [-- vitest's arguments]: set-up, biome, tsc, vitest. All run even when one fails; the exit status
// is 0 only when all are well. EASYNLP_SLOW_TESTS=1 adds the slow tests. With CI=true they run afterwards, for as long as
// the whole stays within EASYNLP_TEST_MINUTES (15): what is not over by then is stopped and named. A run of all tests
// ends with docs/features.md: it must be what scripts/generate-features.mjs makes of the results.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { binary, run, runMain, seconds } from './lib/process.mjs';
import { setup } from './lib/setup.mjs';
import { reportsIn, runSlowTests, slowTestFiles } from './lib/slow-tests.mjs';
import { summarize } from './lib/summarize.mjs';
import { compile } from './lib/typescript.mjs';

async function timed(title, work) {
  console.log(`${title}`);
  const started = performance.now();
  const status = await work();
  console.log(`${title}: ${status === 0 ? 'ok' : `FAILED (exit status ${status})`}, ${seconds(started)}\n`);
  return status;
}

/** Kept of the time for a machine that is slower at the end than at the beginning. */
const RESERVE_MS = 30_000;

function slowInCi(args) {
  const { CI, EASYNLP_SLOW_TESTS } = process.env;
  return /^(true|1)$/i.test(CI ?? '') && EASYNLP_SLOW_TESTS === undefined && args.length === 0;
}

/** docs/features.md says what the tests that it names said in this run. */
async function featuresPage(reports) {
  const { checkRun, readRun } = await import('./generate-features.mjs');
  const { wrong, skipped } = checkRun(readRun(...reports));
  for (const text of wrong) console.log(`  ${text}`);
  if (skipped.length > 0)
    console.log(`  skipped here, and taken from the page as they are: ${skipped.join('; ')}`);
  return wrong.length === 0 ? 0 : 1;
}

await runMain(async (given) => {
  const minutes = Number(process.env.EASYNLP_TEST_MINUTES ?? 15);
  const deadline = performance.now() + minutes * 60_000 - RESERVE_MS;
  const args = given[0] === '--' ? given.slice(1) : given; // npm strips it, `node scripts/test.mjs -- …` does not
  await setup({ typescript: false });
  const biome = await timed('biome check', () =>
    run(process.execPath, [binary('@biomejs/biome/bin/biome'), 'check', '.']),
  );
  const types = await timed('tsc -b', () => compile());

  const folder = mkdtempSync(join(tmpdir(), 'easynlp-test-'));
  const report = join(folder, 'vitest.json');
  // Several test processes run side by side; each taking every core for OpenMP makes all of them slow.
  const env = { ...process.env, OMP_NUM_THREADS: process.env.OMP_NUM_THREADS ?? '1' };
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const tests = await timed('vitest', () =>
      run(process.execPath, [binary('vitest/vitest.mjs'), 'run', ...reporters, ...args], { env }),
    );
    let slowFailed = false;
    const counts = summarize(existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : null);
    if (slowInCi(args)) {
      const slow = await timed('slow tests', async () => {
        const lanes = Math.max(1, Math.min(4, availableParallelism()));
        const found = await runSlowTests(slowTestFiles(), { deadline, lanes, folder, env });
        // Most of what passed has been counted above: the same tests with less to do.
        console.log(`  ${found.passed} passed, ${found.failed} failed, ${found.skipped} skipped`);
        counts.failed += found.failed;
        if (found.late.length > 0)
          console.log(`not run to the end within ${minutes} minutes: ${found.late.join(', ')}`);
        return found.failed === 0 ? 0 : 1;
      });
      if (slow !== 0) slowFailed = true;
    }
    const complete = args.length === 0 && existsSync(report);
    const features = complete ? await timed('features page', () => featuresPage(reportsIn(folder))) : 0;
    const failures = [
      biome && 'biome',
      types && 'tsc',
      tests && 'vitest',
      slowFailed && 'slow tests',
      features && 'features page',
    ].filter(Boolean);
    if (counts.broken.length > 0)
      console.log(`test files that could not be run: ${counts.broken.join(', ')}`);
    if (failures.length > 0) console.log(`failed: ${failures.join(', ')}`);
    console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
    return failures.length === 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
