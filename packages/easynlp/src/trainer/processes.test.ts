import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, it } from 'vitest';
import { CheckpointStore, checkpointProblem, readCheckpoint } from './checkpoint.js';
import {
  checkpointsOf,
  compileTree,
  metricsOf,
  remains,
  runTrain,
  SLOW,
  sampleFile,
  tiny,
  trainInChild,
  workFolder,
} from './runs.fixture.js';

// R4, R5: processes that are killed, interrupted, or may not write.

const folder = workFolder('processes');
const train = sampleFile(join(folder, 'train.tsv'), 60);
let number = 0;
const fresh = () => join(folder, `run-${number++}`);
const base = { ...tiny('text-cnn', { epochs: 1 }), train };

let entry = '';
let cli = '';
beforeAll(() => {
  ({ entry, cli } = compileTree(join(folder, 'tree')));
  chmodSync(folder, 0o755);
});

const KILLS = SLOW ? 100 : 25;
/** Trainings that are killed side by side. */
const COURSES = 5;

/** Continues a training and kills it some time after its first checkpoint. @returns whether it was killed in time. */
async function runAndKill(options: object, delay: number): Promise<boolean> {
  const child = spawn(process.execPath, [entry, JSON.stringify({ options, announce: true })], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  const ended = new Promise<NodeJS.Signals | null>((resolve) =>
    child.on('exit', (_, signal) => resolve(signal)),
  );
  const saved = new Promise<void>((resolve) => {
    child.stdout.on('data', (data) => {
      text += data;
      if (text.includes('checkpoint')) resolve();
    });
  });
  await Promise.race([saved, ended]);
  await sleep(delay);
  child.kill('SIGKILL');
  const signal = await ended;
  expect(text).not.toContain('"error"');
  return signal === 'SIGKILL';
}

it(`${KILLS} kills while checkpoints are written: the training goes on, and ends the same`, async () => {
  const options = { ...base, epochs: SLOW ? 40 : 8, saveSteps: 1, dev: train, evalSteps: 3 };
  const whole = fresh();
  await runTrain({ ...options, output: whole });
  const expected = remains(whole);
  const skipped: string[] = [];
  let killed = 0;
  let halves = 0;
  const course = async (_: unknown, index: number) => {
    const output = fresh();
    const checkpoints = join(output, 'training/checkpoints');
    let step = 0;
    for (let kill = 0; kill < KILLS / COURSES; kill++) {
      // Different moments in every course and run.
      const delay = ((index * 7919 + kill * 104729) % 97) / 3;
      if (!(await runAndKill({ ...options, output, resume: 'auto' }, delay))) break;
      killed++;
      halves += Number(readdirSync(checkpoints).some((name) => name.includes('.tmp-')));
      const latest = await new CheckpointStore(checkpoints, 1).latest();
      skipped.push(...latest.skipped.map(({ reason }) => reason));
      expect(await checkpointProblem(latest.folder!)).toBeNull();
      const { state, tensors } = await readCheckpoint(latest.folder!);
      for (const group of Object.values(tensors)) for (const tensor of group.values()) tensor.dispose();
      // It never falls back behind what was once saved.
      expect(state.step).toBeGreaterThanOrEqual(step);
      step = state.step;
    }
    return output;
  };
  const outputs = await Promise.all(Array.from({ length: COURSES }, course));
  // One after the other: trainings in one process share its random numbers.
  for (const output of outputs) {
    await runTrain({ ...options, output, resume: 'auto' });
    expect(remains(output)).toEqual(expected);
    const names = readdirSync(join(output, 'training/checkpoints'));
    expect(names.filter((name) => name.startsWith('.'))).toEqual([]);
  }
  expect(killed).toBeGreaterThan(KILLS / 2);
  // Otherwise the kills missed the writing, and the test showed nothing.
  expect(halves).toBeGreaterThan(0);
  // A checkpoint with its final name is whole: only one that was being removed may lack files.
  for (const reason of skipped) expect(reason).toMatch(/missing/);
}, 300_000);

function mount(place: string, options: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', place], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

it('a disk that is full: the checkpoint before stays, and training goes on when there is room', async (context) => {
  const disk = fresh();
  mkdirSync(disk);
  if (!mount(disk, 'size=1m')) return context.skip('mounting a small file system needs root');
  try {
    const output = join(disk, 'out');
    const options = { ...base, epochs: 3, saveSteps: 1, keepLast: 0, output };
    await expect(runTrain(options)).rejects.toMatchObject({
      code: 'TRAIN_OUTPUT',
      exitCode: 7,
      message: expect.stringMatching(/run-\d+\/out.*no space left/s),
    });
    const good = checkpointsOf(output);
    expect(good.length).toBeGreaterThan(0);
    for (const checkpoint of good) expect(await checkpointProblem(checkpoint)).toBeNull();
    expect(existsSync(join(output, 'easynlp.json'))).toBe(false);
    expect(mount(disk, 'remount,size=64m')).toBe(true);
    await runTrain({ ...options, resume: 'auto' });
    const whole = fresh();
    await runTrain({ ...options, output: whole });
    expect(remains(output)).toEqual(remains(whole));
  } finally {
    execFileSync('umount', ['-l', disk]);
  }
});

it('a folder that may not be written', async () => {
  const output = fresh();
  mkdirSync(output);
  chmodSync(output, 0o555);
  // Root may write anywhere: somebody else has to try.
  const root = process.getuid?.() === 0;
  const { error } = await trainInChild(entry, { ...base, output }, null, root ? { uid: 65534 } : {});
  expect(error).toMatchObject({
    code: 'TRAIN_OUTPUT',
    exitCode: 7,
    message: expect.stringMatching(`${output}.*(EACCES|EPERM|EROFS)`),
  });
  expect(readdirSync(output)).toEqual([]);
});

it('Ctrl-C saves, exits with 130, and the continuation is exact', async () => {
  const options = { ...base, epochs: 30 };
  const whole = fresh();
  await runTrain({ ...options, output: whole });
  const output = fresh();
  const flags = Object.entries({ ...options, output })
    .filter(([name]) => name !== 'architecture')
    .flatMap(([name, value]) => [`--${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`, String(value)]);
  const child = spawn(process.execPath, [cli, 'train', '--architecture', 'text-cnn', ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (text += data));
  const ended = new Promise<number | null>((resolve) => child.on('exit', (code) => resolve(code)));
  const log = join(output, 'training/metrics.jsonl');
  while (child.exitCode === null && !(existsSync(log) && readFileSync(log, 'utf8').split('\n').length > 5)) {
    await sleep(5);
  }
  child.kill('SIGINT');
  expect(await ended, text).toBe(130);
  expect(text).toContain('--resume auto');
  const stopped = metricsOf(output).length;
  expect(stopped).toBeLessThan(180);
  expect(checkpointsOf(output)).toHaveLength(1);
  const { losses } = await runTrain({ ...options, output, resume: 'auto' });
  expect([...losses.keys()][0]).toBe(stopped + 1);
  expect(remains(output)).toEqual(remains(whole));
});
