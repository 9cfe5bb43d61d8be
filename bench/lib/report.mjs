// What every bench shares: facts of the machine, statistics, tables, result files.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
/** BENCH_PYTHON: a Python with PyTorch. Debian's python3-torch has the same libtorch as libtorch-dev. */
export const python = process.env.BENCH_PYTHON ?? '/usr/bin/python3';
export const threads = Number(process.env.OMP_NUM_THREADS ?? 2);
export const pythonScript = (name) => join(root, 'bench', 'python', name);

export const option = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : process.argv[at + 1];
};
export const flag = (name) => process.argv.includes(`--${name}`);

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Runs a program that prints JSON on its last line. */
export function json(program, args, env = {}) {
  const run = spawnSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 26,
    env: { ...process.env, OMP_NUM_THREADS: String(threads), ...env },
  });
  if (run.status !== 0)
    throw new Error(`${program} ${args.join(' ')} ended with ${run.status ?? run.signal}`);
  return JSON.parse(run.stdout.trim().split('\n').at(-1));
}

/** kB of a field of /proc/self/status. */
export function memoryKb(status, field) {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN);
}

/** In an unpacked bundle there is no git. */
function bundleCommit() {
  try {
    return JSON.parse(readFileSync(join(root, 'bundle.json'), 'utf8')).commit;
  } catch {
    return null;
  }
}

export function machine(extra = {}) {
  const git = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' });
  const peer = spawnSync(
    python,
    ['-c', 'import sys, torch; print(sys.version.split()[0], torch.__version__)'],
    {
      encoding: 'utf8',
    },
  );
  const gpus = spawnSync('nvidia-smi', ['--query-gpu=name', '--format=csv,noheader'], { encoding: 'utf8' });
  const gpu = gpus.status === 0 ? gpus.stdout.trim().split('\n')[0] : '';
  const [pythonVersion = null, torchVersion = null] = peer.status === 0 ? peer.stdout.trim().split(' ') : [];
  return {
    date: new Date().toISOString(),
    commit: git.status === 0 ? git.stdout.trim() : bundleCommit(),
    ...(gpu === '' ? {} : { gpu }),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    threads,
    node: process.version,
    python: pythonVersion,
    pythonTorch: torchVersion,
    ...extra,
  };
}

/** Left-aligned first column, right-aligned others. */
export function printTable(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => String(row[i]).length)));
  for (const row of rows)
    console.log(
      row
        .map((cell, i) => (i ? String(cell).padStart(widths[i]) : String(cell).padEnd(widths[i])))
        .join('  '),
    );
}

export function save(name, result) {
  const folder = process.env.BENCH_RESULTS ?? join(root, 'bench', 'results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`);
}
