import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeFileAtomic } from './atomic.js';
import { SafetensorsFile } from './safetensors.js';

// R4: a process that writes checkpoints without pause is killed at random moments; every file and folder under its
// final name must be complete at any time.
const KILLS = process.env.EASYNLP_SLOW_TESTS === '1' ? 100 : 25;
const source = dirname(fileURLToPath(import.meta.url));
const folder = fs.mkdtempSync(join(tmpdir(), 'easynlp-kill-'));
const work = join(folder, 'work');

const WRITER = `
import fs from 'node:fs';
import { createHash } from 'node:crypto';
import { atomicFolder } from './files/atomic.js';
import { writeSafetensors } from './files/safetensors-writer.js';
const work = process.argv[2];
let round = Number(process.argv[3]);
for (;;) {
  round++;
  const bytes = new Uint8Array(300_000).fill(round);
  const tensors = new Map(['a', 'b'].map((name) => [name, { dtype: 'uint8', shape: [bytes.length], bytes }]));
  writeSafetensors(work + '/latest.safetensors', tensors, { round: String(round) });
  const fill = (into) => {
    writeSafetensors(into + '/model.safetensors', tensors, { round: String(round) });
    fs.writeFileSync(into + '/manifest', createHash('sha256').update(bytes).digest('hex'));
  };
  await atomicFolder(work + '/checkpoint-' + round, fill);
  await atomicFolder(work + '/best', fill, { replace: true });
  // After a whole round, so that slow disks make progress too; the kill then hits one of the next rounds.
  fs.writeSync(1, 'ready');
}
`;

beforeAll(() => {
  // The child runs the sources as plain JavaScript, so that the test does not depend on a build.
  fs.mkdirSync(join(folder, 'files'), { recursive: true });
  fs.mkdirSync(work);
  const compile = (from: string, to: string) => {
    const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
    fs.writeFileSync(
      to,
      ts.transpileModule(fs.readFileSync(from, 'utf8'), { compilerOptions: options }).outputText,
    );
  };
  compile(join(source, '../errors.ts'), join(folder, 'errors.js'));
  const needed = [
    'atomic',
    'temporary',
    'io-error',
    'safetensors-writer',
    'safetensors-header',
    'file-dtype',
    'strict-json',
  ];
  for (const name of needed) compile(join(source, `${name}.ts`), join(folder, 'files', `${name}.js`));
  fs.writeFileSync(join(folder, 'writer.js'), WRITER);
  fs.writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
});
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

async function runAndKill(round: number, delay: number): Promise<void> {
  const child = spawn(process.execPath, [join(folder, 'writer.js'), work, String(round)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (data) => {
    errors += data;
  });
  const ended = new Promise<NodeJS.Signals | null>((resolve) =>
    child.on('exit', (_, signal) => resolve(signal)),
  );
  await Promise.race([new Promise((resolve) => child.stdout.on('data', resolve)), ended]);
  await new Promise((resolve) => setTimeout(resolve, delay));
  child.kill('SIGKILL');
  expect(await ended, errors).toBe('SIGKILL');
}

/** The round that a model file was written in; fails unless all of it is of that round. */
function roundOf(path: string): number {
  using file = SafetensorsFile.open(path);
  const round = Number(file.metadata.get('round'));
  for (const name of ['a', 'b']) {
    expect(
      file.readBytes(name).every((byte) => byte === (round & 255)),
      path,
    ).toBe(true);
  }
  return round;
}

test(`${KILLS} kills while writing: nothing incomplete ever has its final name`, async () => {
  let round = 0;
  let interrupted = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    await runAndKill(round, 2 + Math.random() * 40);
    const entries = fs.readdirSync(work);
    interrupted += Number(entries.some((name) => name.includes('.tmp-')));
    const latest = entries.includes('latest.safetensors') ? roundOf(join(work, 'latest.safetensors')) : 0;
    expect(latest).toBeGreaterThanOrEqual(round);
    for (const name of entries.filter((entry) => entry.startsWith('checkpoint-') || entry === 'best')) {
      const inside = roundOf(join(work, name, 'model.safetensors'));
      const manifest = fs.readFileSync(join(work, name, 'manifest'), 'utf8');
      const bytes = new Uint8Array(300_000).fill(inside);
      expect(manifest).toBe(createHash('sha256').update(bytes).digest('hex'));
      if (name !== 'best') expect(name).toBe(`checkpoint-${inside}`);
    }
    // Keep the folder small, as a trainer does; the newest one stays.
    for (const name of entries) {
      if (name.startsWith('checkpoint-') && name !== `checkpoint-${latest}`) {
        fs.rmSync(join(work, name), { recursive: true });
      }
    }
    round = latest;
  }
  expect(round).toBeGreaterThanOrEqual(KILLS);
  // Otherwise the kills missed the writing, and the test showed nothing.
  expect(interrupted).toBeGreaterThan(0);
  // The next write cleans up after the killed ones.
  writeFileAtomic(join(work, 'latest.safetensors'), 'x');
  expect(fs.readdirSync(work).filter((name) => name.startsWith('.latest'))).toEqual([]);
});
