import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ALLOW_LIST } from '../scripts/ops-allowlist.mjs';
import { libtorchInfo, ops } from './index.js';
import { compiled } from './testing/compiled.fixture.js';
import { LIBTORCH_CRASHES } from './testing/fuzz-deny-list.fixture.js';

const child = fileURLToPath(new URL('testing/fuzz-child.mjs', import.meta.url));
const slow = process.env.EASYNLP_SLOW_TESTS === '1';
if (slow) vi.setConfig({ testTimeout: 1_200_000 });

let build: ReturnType<typeof compiled>;
beforeAll(() => {
  build = compiled();
});
afterAll(() => build.dispose());

/** The dispatcher's names of the typed functions. */
function typedOperators(): string[] {
  const names = new Set<string>();
  for (const entry of ALLOW_LIST) {
    const [path] = entry.split(/[=@]/) as [string];
    const [name, overloads = ''] = path.split('.') as [string, string?];
    for (const overload of overloads.split('|')) names.add(`aten::${name}${overload ? `.${overload}` : ''}`);
  }
  return [...names].filter((full) => {
    const [name, overload] = full.split('.') as [string, string?];
    return ops.has(name, overload ?? '');
  });
}

interface Outcome {
  readonly crashes: string[];
  readonly unexpected: string[];
  readonly returned: number;
  readonly threw: number;
}

/** Runs cases in child processes; after a death the next one goes on behind the case that killed it. */
function fuzz(operators: readonly string[], denied: readonly string[], count: number, seed: number): Outcome {
  const progress = join(build.folder, `progress-${seed}`);
  const crashes: string[] = [];
  const unexpected: string[] = [];
  let returned = 0;
  let threw = 0;
  for (let from = 0; from < count; ) {
    rmSync(`${progress}.done`, { force: true });
    const job = `${progress}.job`;
    const now = Math.min(count - from, 10_000);
    writeFileSync(job, JSON.stringify({ operators, denied, from, count: now, seed }));
    // a bound on address space turns senseless sizes into allocation errors instead of a full machine
    const run = spawnSync(
      'sh',
      [
        '-c',
        'ulimit -v 5000000; ulimit -c 0; exec "$@"',
        'sh',
        process.execPath,
        child,
        build.folder,
        progress,
        job,
      ],
      {
        encoding: 'utf8',
        timeout: slow ? 600_000 : 60_000,
        cwd: build.folder,
        env: { ...process.env, OMP_NUM_THREADS: '1' },
      },
    );
    if (existsSync(`${progress}.done`)) {
      const done = JSON.parse(readFileSync(`${progress}.done`, 'utf8')) as Outcome;
      unexpected.push(...done.unexpected);
      returned += done.returned;
      threw += done.threw;
      from += now;
      continue;
    }
    const [at, operator, values] = JSON.parse(readFileSync(progress, 'utf8').trim()) as [
      number,
      string,
      string,
    ];
    crashes.push(
      `${run.signal ?? `exit ${run.status}`}: case ${at}, ${operator}(${values}) ${run.stderr.slice(0, 300)}`,
    );
    from = at + 1;
    if (crashes.length > 40) break;
  }
  return { crashes, unexpected, returned, threw };
}

test('typed operators survive arguments of every kind', () => {
  const operators = typedOperators();
  expect(operators.length).toBeGreaterThan(200);
  const outcome = fuzz(operators, [], slow ? 100_000 : 2000, 1);
  expect(outcome.crashes).toEqual([]);
  expect(outcome.unexpected).toEqual([]);
  expect(outcome.returned, 'cases that make sense').toBeGreaterThan(outcome.threw / 20);
});

// the list of exceptions was made with libtorch 1.13
test.runIf(libtorchInfo().version.startsWith('1.13'))(
  'so do all others but those that libtorch crashes in',
  () => {
    const operators = ops.list();
    const denied = operators.filter((name) => LIBTORCH_CRASHES.some(({ pattern }) => pattern.test(name)));
    const outcome = fuzz(operators, denied, slow ? 100_000 : 1500, 2);
    expect(outcome.crashes).toEqual([]);
    expect(outcome.unexpected).toEqual([]);
  },
);
