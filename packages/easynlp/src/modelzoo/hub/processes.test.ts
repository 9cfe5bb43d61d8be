import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeHub, type LoggedRequest } from './testing/fake-hub.js';
import { bertRepository, noise, Workspace } from './testing/workspace.js';

/*
 * Real processes: one is killed in the middle of a download, several run at once. The sources are transpiled into the
 * test's folder, so that no build is needed.
 */

const SOURCE = fileURLToPath(new URL('../..', import.meta.url));
const WEIGHTS = noise(2_000_000, 11);
const KILLS = Number(process.env.EASYNLP_TEST_KILLS ?? 6);
const MAIN = `
import { resolveModelFolder } from './modelzoo/hub/index.js';
process.stdout.write(await resolveModelFolder('org/model', { timeoutMs: 5000 }));
`;

let work: Workspace;
let hub: FakeHub;
let program: string;

async function transpile(folder: string): Promise<void> {
  for (const part of ['errors', 'modelzoo/hub']) {
    await mkdir(join(folder, part), { recursive: true });
    for (const name of await readdir(join(SOURCE, part))) {
      if (!name.endsWith('.ts') || name.endsWith('.test.ts')) continue;
      const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
      const { outputText } = ts.transpileModule(await readFile(join(SOURCE, part, name), 'utf8'), {
        compilerOptions: options,
      });
      await writeFile(join(folder, part, name.replace(/ts$/, 'js')), outputText);
    }
  }
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await writeFile(join(folder, 'main.js'), MAIN);
  const entry = createRequire(import.meta.url).resolve('@huggingface/hub');
  await mkdir(join(folder, 'node_modules', '@huggingface'), { recursive: true });
  await symlink(dirname(dirname(entry)), join(folder, 'node_modules', '@huggingface', 'hub'));
}

function start(): {
  child: ChildProcess;
  result: Promise<{ code: number | null; output: string; errors: string }>;
} {
  const child = spawn(process.execPath, [program], { env: process.env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  const result = new Promise<{ code: number | null; output: string; errors: string }>((done) => {
    child.on('close', (code) =>
      done({ code, output: Buffer.concat(output).toString(), errors: Buffer.concat(errors).toString() }),
    );
  });
  return { child, result };
}

const isWeights = ({ url }: LoggedRequest): boolean => url.startsWith('/cdn/');

beforeEach(async () => {
  work = await Workspace.create();
  hub = await FakeHub.start({ 'org/model': bertRepository(WEIGHTS) });
  work.env('HF_ENDPOINT', hub.url);
  await transpile(join(work.folder, 'program'));
  program = join(work.folder, 'program', 'main.js');
});

afterEach(async () => {
  await hub.stop();
  await work.dispose();
});

describe('several processes', () => {
  it('a killed download shows nothing, and the next one goes on', async () => {
    hub.fault = (request) => (isWeights(request) ? { kind: 'slow', chunk: 100_000, pauseMs: 20 } : undefined);
    const { child, result } = start();
    const partSize = async (): Promise<number> => {
      const part = (await work.list()).find((path) => path.endsWith('.incomplete'));
      return part === undefined ? 0 : (await readFile(join(work.cacheDir, part))).length;
    };
    for (
      let i = 0;
      i < 500 && (hub.requests.filter(isWeights).length === 0 || (await partSize()) < 300_000);
      i++
    )
      await sleep(10);
    child.kill('SIGKILL');
    expect((await result).code).toBeNull();
    expect(
      (await work.list()).filter((path) => path.includes('/snapshots/') || path.includes('/refs/')),
    ).toEqual([]);
    const kept = await partSize();
    expect(kept).toBeGreaterThanOrEqual(300_000);

    hub.requests.length = 0;
    hub.fault = () => undefined;
    const again = await start().result;
    expect(again.errors).toBe('');
    expect(WEIGHTS.equals(await readFile(join(again.output, 'model.safetensors')))).toBe(true);
    expect(hub.requests.filter(isWeights).map(({ headers }) => headers.range)).toEqual([`bytes=${kept}-`]);
    expect((await work.list()).filter((path) => /incomplete|lock/.test(path))).toEqual([]);
  }, 15_000);

  it('three at once all get the model, and the weights are fetched once', async () => {
    hub.fault = (request) => (isWeights(request) ? { kind: 'slow', chunk: 200_000, pauseMs: 50 } : undefined);
    const results = await Promise.all([start().result, start().result, start().result]);
    for (const { code, output, errors } of results) {
      expect(errors).toBe('');
      expect(code).toBe(0);
      expect(WEIGHTS.equals(await readFile(join(output, 'model.safetensors')))).toBe(true);
    }
    expect(hub.requests.filter(isWeights)).toHaveLength(1);
    expect((await work.list()).filter((path) => /incomplete|lock/.test(path))).toEqual([]);
  });

  it('those that wait go on when the one that fetches is killed', async () => {
    hub.fault = (request) => (isWeights(request) ? { kind: 'slow', chunk: 100_000, pauseMs: 30 } : undefined);
    const first = start();
    for (let i = 0; i < 500 && hub.requests.filter(isWeights).length === 0; i++) await sleep(10);
    const second = start();
    await sleep(250);
    first.child.kill('SIGKILL');
    await first.result;
    const { output, errors } = await second.result;
    expect(errors).toBe('');
    expect(WEIGHTS.equals(await readFile(join(output, 'model.safetensors')))).toBe(true);
  }, 15_000);

  it(
    'whenever it is killed, every file that is visible is whole',
    async () => {
      hub.fault = (request) =>
        isWeights(request) ? { kind: 'slow', chunk: 100_000, pauseMs: 8 } : undefined;
      const { files } = hub.repositories['org/model']!;
      const check = async (): Promise<void> => {
        for (const path of (await work.list()).filter((name) => name.includes('/snapshots/'))) {
          const content = await readFile(join(work.cacheDir, path));
          expect(content.equals(Buffer.from(files[path.split('/').at(-1)!]!)), path).toBe(true);
        }
      };
      for (let kill = 0; kill < KILLS; kill++) {
        const { child, result } = start();
        const before = hub.requests.length;
        for (let i = 0; i < 500 && hub.requests.length === before; i++) await sleep(5);
        await sleep((kill * 30) / KILLS + kill);
        child.kill('SIGKILL');
        await result;
        await check();
      }
      const last = await start().result;
      expect(last.errors).toBe('');
      expect(WEIGHTS.equals(await readFile(join(last.output, 'model.safetensors')))).toBe(true);
      await check();
      expect((await work.list()).filter((path) => /incomplete|\.lock/.test(path))).toEqual([]);
    },
    60_000 + KILLS * 4000,
  );
});
