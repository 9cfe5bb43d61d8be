import { chmod, mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { resolveModelFolder } from './index.js';
import { FakeHub, type Fault, type LoggedRequest } from './testing/fake-hub.js';
import { bertRepository, failure, noise, Workspace } from './testing/workspace.js';

const WEIGHTS = noise(300_000, 7);
const quick = { timeoutMs: 300, retries: 2, retryPauseMs: 20 };

let work: Workspace;
let hub: FakeHub;

beforeEach(async () => {
  work = await Workspace.create();
  hub = await FakeHub.start({ 'org/model': bertRepository(WEIGHTS) });
  work.env('HF_ENDPOINT', hub.url);
});

afterEach(async () => {
  vi.restoreAllMocks();
  await hub.stop();
  await work.dispose();
});

const isWeights = ({ url }: LoggedRequest): boolean =>
  url.startsWith('/cdn/') && url.includes('model.safetensors');

/** The fault for the first `times` requests of the weights. */
function weightsFault(fault: Fault, times = Number.POSITIVE_INFINITY): void {
  let seen = 0;
  hub.fault = (request) => (isWeights(request) && seen++ < times ? fault : undefined);
}

const ranges = (): (string | undefined)[] =>
  hub.requests.filter(isWeights).map(({ headers }) => headers.range);
const snapshotFiles = async (): Promise<string[]> =>
  (await work.list()).filter((path) => path.includes('/snapshots/'));
const incomplete = async (): Promise<string[]> =>
  (await work.list()).filter((path) => path.endsWith('.incomplete'));

async function expectWhole(folder: string): Promise<void> {
  expect(WEIGHTS.equals(await readFile(join(folder, 'model.safetensors')))).toBe(true);
  expect(await incomplete()).toEqual([]);
}

describe('interrupted downloads', () => {
  it('goes on after a break in the middle of the body', async () => {
    weightsFault({ kind: 'truncate', after: 120_000 }, 1);
    await expectWhole(await resolveModelFolder('org/model', quick));
    expect(ranges()).toEqual([undefined, 'bytes=120000-']);
  });

  it('goes on after silence', async () => {
    weightsFault({ kind: 'stall', after: 50_000 }, 1);
    await expectWhole(await resolveModelFolder('org/model', quick));
    expect(ranges()).toEqual([undefined, 'bytes=50000-']);
  });

  it('gives up after some attempts, keeps the part outside the snapshots, and goes on the next time', async () => {
    weightsFault({ kind: 'truncate', after: 40_000 });
    const error = await failure(resolveModelFolder('org/model', quick), 'HUB_DOWNLOAD_TRUNCATED');
    expect(error.message).toContain('120000 of 300000 bytes');
    expect(error.hint).toContain('goes on where it stopped');
    expect(await snapshotFiles()).toEqual([]);
    expect(await incomplete()).toHaveLength(1);
    hub.fault = () => undefined;
    hub.requests.length = 0;
    await expectWhole(await resolveModelFolder('org/model', quick));
    expect(ranges()).toEqual(['bytes=120000-']);
  });

  it('starts again when the kept part is damaged', async () => {
    weightsFault({ kind: 'truncate', after: 40_000 });
    await failure(resolveModelFolder('org/model', { ...quick, retries: 0 }), 'HUB_DOWNLOAD_TRUNCATED');
    hub.fault = () => undefined;
    const [part] = await incomplete();
    const handle = await open(join(work.cacheDir, part!), 'r+');
    await handle.write(Buffer.from('damage'), 0, 6, 1000);
    await handle.close();
    await expectWhole(await resolveModelFolder('org/model', quick));
    expect(ranges()).toEqual([undefined, 'bytes=40000-', undefined]);
  });

  it('copes with a server that ignores ranges', async () => {
    let seen = 0;
    hub.fault = (request) => {
      if (!isWeights(request)) return undefined;
      return seen++ === 0 ? { kind: 'truncate', after: 100_000 } : { kind: 'ignore-range' };
    };
    await expectWhole(await resolveModelFolder('org/model', quick));
  });

  it('refuses bytes from another place than asked for', async () => {
    let seen = 0;
    hub.fault = (request) => {
      if (!isWeights(request)) return undefined;
      return seen++ === 0 ? { kind: 'truncate', after: 100_000 } : { kind: 'wrong-range' };
    };
    const error = await failure(resolveModelFolder('org/model', quick), 'HUB_BAD_RESPONSE');
    expect(error.message).toContain('bytes 100001-');
  });

  it('stops on an aborted signal with its reason, and goes on later', async () => {
    weightsFault({ kind: 'slow', chunk: 10_000, pauseMs: 10 });
    const controller = new AbortController();
    const reason = new Error('enough');
    const onProgress = ({ file, receivedBytes }: { file: string; receivedBytes: number }): void => {
      if (file === 'model.safetensors' && receivedBytes > 50_000) controller.abort(reason);
    };
    const run = resolveModelFolder('org/model', { ...quick, signal: controller.signal, onProgress });
    await expect(run).rejects.toBe(reason);
    expect(await snapshotFiles()).toEqual([]);
    hub.fault = () => undefined;
    await expectWhole(await resolveModelFolder('org/model'));
    expect(ranges().at(-1)).toMatch(/^bytes=[5-9]0000-$/);
  });

  it('two calls at once in one process fetch each file once', async () => {
    weightsFault({ kind: 'slow', chunk: 30_000, pauseMs: 10 });
    const [a, b] = await Promise.all([resolveModelFolder('org/model'), resolveModelFolder('org/model')]);
    expect(a).toBe(b);
    await expectWhole(a);
    expect(hub.requests.filter(isWeights)).toHaveLength(1);
  });

  // Well below the time after which a silent lock is taken over anyway.
  it('is not stopped by the lock and the part of a dead process', async () => {
    weightsFault({ kind: 'truncate', after: 40_000 });
    await failure(resolveModelFolder('org/model', { ...quick, retries: 0 }), 'HUB_DOWNLOAD_TRUNCATED');
    hub.fault = () => undefined;
    const [part] = await incomplete();
    const blobId = part!.split('/').at(-1)!.split('.')[0]!;
    const locks = join(work.cacheDir, '.locks', 'models--org--model');
    await mkdir(locks, { recursive: true });
    const { hostname } = await import('node:os');
    // No process has this number: Linux ends at 2^22.
    await writeFile(
      join(locks, `${blobId}.easynlp.lock`),
      JSON.stringify({ pid: 2 ** 30, host: hostname(), id: 'x' }),
    );
    await expectWhole(await resolveModelFolder('org/model', quick));
    expect(await readdir(locks)).toEqual([]);
  }, 10_000);
});

describe('wrong content', () => {
  it.each(['model.safetensors', 'vocab.txt'])('throws a damaged %s away', async (file) => {
    hub.fault = ({ url }) => (url.includes(file) && !url.includes('/api/') ? { kind: 'flip' } : undefined);
    const error = await failure(resolveModelFolder('org/model', quick), 'HUB_CHECKSUM_MISMATCH');
    expect(error.message).toContain(file);
    expect(error.message).toContain(file === 'vocab.txt' ? 'git SHA-1' : 'SHA-256');
    expect(await snapshotFiles()).toEqual([]);
    expect(await incomplete()).toEqual([]);
    hub.fault = () => undefined;
    await expectWhole(await resolveModelFolder('org/model'));
  });

  it('stops when more arrives than was announced', async () => {
    weightsFault({ kind: 'tail', extra: 10 });
    const error = await failure(resolveModelFolder('org/model', quick), 'HUB_BAD_RESPONSE');
    expect(error.message).toContain('longer than the announced 300000 bytes');
    expect(await snapshotFiles()).toEqual([]);
  });

  it.each([
    ['HTML instead of JSON', '<html>login</html>'],
    ['a commit id that is none', '{"id":"x","sha":"../../etc"}'],
    ['an empty object', '{}'],
    ['null', 'null'],
  ])('explains %s', async (_title, body) => {
    hub.fault = ({ url }) => (url.includes('/revision/') ? { kind: 'body', body } : undefined);
    await failure(resolveModelFolder('org/model', quick), 'HUB_BAD_RESPONSE');
  });

  it('explains a listing that is not one', async () => {
    hub.fault = ({ url }) => (url.includes('/tree/') ? { kind: 'body', body: '{"a":1}' } : undefined);
    await failure(resolveModelFolder('org/model', quick), 'HUB_BAD_RESPONSE');
  });

  it('names the weights that it cannot read', async () => {
    hub.repositories['org/tf'] = { files: { 'config.json': '{}', 'tf_model.h5': 'x' } };
    const error = await failure(resolveModelFolder('org/tf'), 'HUB_NOT_A_MODEL');
    expect(error.message).toContain('lacks model.safetensors or pytorch_model.bin');
    expect(error.hint).toContain('tf_model.h5');
  });
});

describe('refusals of the server', () => {
  it('404: names the endpoint, the near names and the folder that was tried', async () => {
    const error = await failure(resolveModelFolder('bert-base-chinse'), 'HUB_MODEL_NOT_FOUND');
    expect(error.message).toContain(hub.url);
    expect(error.message).toContain(process.cwd());
    expect(error.hint).toContain('bert-base-chinese');
    expect([error.exitCode, error.httpStatus]).toEqual([5, 404]);
  });

  it('a plain 404 as well', async () => {
    hub.fault = () => ({ kind: 'status', status: 404 });
    await failure(resolveModelFolder('org/model'), 'HUB_MODEL_NOT_FOUND');
  });

  it('unknown revision', async () => {
    const error = await failure(
      resolveModelFolder('org/model', { revision: 'v9' }),
      'HUB_REVISION_NOT_FOUND',
    );
    expect(error.message).toContain('"v9"');
  });

  it('gated models and wrong tokens', async () => {
    hub.repositories['org/model']!.gated = true;
    const gated = await failure(resolveModelFolder('org/model'), 'HUB_UNAUTHORIZED');
    expect(gated.message).toContain('gated');
    expect(gated.hint).toContain(`${hub.url}/org/model`);
    hub.repositories['org/private'] = bertRepository(WEIGHTS, { privateToken: 'hf_right' });
    const wrong = await failure(resolveModelFolder('org/private', { token: 'hf_wrong' }), 'HUB_UNAUTHORIZED');
    expect(wrong.message).toContain('token is invalid');
    const none = await failure(resolveModelFolder('org/private'), 'HUB_MODEL_NOT_FOUND');
    expect(none.hint).toContain('HF_TOKEN');
    work.env('HF_TOKEN', 'hf_right');
    await resolveModelFolder('org/private');
  });

  it('repeats on 503 and 429, then reports them', async () => {
    let seen = 0;
    hub.fault = () => (seen++ < 2 ? { kind: 'status', status: 503 } : undefined);
    await resolveModelFolder('org/model', quick);
    hub.fault = () => ({ kind: 'status', status: 429, headers: { 'retry-after': '0.05' } });
    const error = await failure(
      resolveModelFolder('org/model', { ...quick, revision: 'master' }),
      'HUB_SERVER_ERROR',
    );
    expect(error.message).toContain('HTTP 429');
    expect(error.message).toContain('3 times');
  });

  it('names the endpoint and the mirror variable when nothing answers', async () => {
    const gone = await FakeHub.start({});
    const endpoint = gone.url;
    await gone.stop();
    const error = await failure(resolveModelFolder('org/model', { endpoint, retries: 0 }), 'HUB_NETWORK');
    expect(error.message).toContain(endpoint);
    expect(error.message).toContain('ECONNREFUSED');
    expect(error.hint).toContain('HF_ENDPOINT=https://hf-mirror.com');
    expect(error.exitCode).toBe(5);
  });

  it('mentions a proxy that Node.js does not use', async () => {
    work.env('HTTPS_PROXY', 'http://127.0.0.1:9');
    work.env('NODE_USE_ENV_PROXY', undefined);
    const options = { endpoint: 'http://127.0.0.1:1', retries: 0 };
    expect((await failure(resolveModelFolder('org/model', options), 'HUB_NETWORK')).hint).toContain(
      'proxy is set',
    );
  });

  it('does not wait for ever for an answer', async () => {
    hub.repositories.hang = { files: { x: noise(100) } };
    hub.fault = ({ server }) =>
      server === 'cdn' ? { kind: 'stall', after: 1 } : { kind: 'redirect', to: `${hub.cdnUrl}/cdn/hang%3Ax` };
    const error = await failure(
      resolveModelFolder('org/model', { timeoutMs: 100, retries: 0 }),
      'HUB_NETWORK',
    );
    expect(error.message).toContain('no answer for 100 ms');
  });
});

describe('the disk', () => {
  it('refuses what does not fit, before fetching it', async () => {
    hub.repositories['org/model']!.alterEntry = (entry) =>
      entry.path === 'model.safetensors'
        ? { ...entry, lfs: { ...(entry.lfs as object), size: 2 ** 52 } }
        : entry;
    const error = await failure(resolveModelFolder('org/model', quick), 'HUB_DISK_FULL');
    expect(error.message).toContain(`${2 ** 52} bytes needed`);
    expect(error.exitCode).toBe(7);
    expect(hub.requests.filter(isWeights)).toEqual([]);
    expect(await snapshotFiles()).toEqual([]);
    expect(await incomplete()).toEqual([]);
  });

  it('a disk that fills up on the way leaves nothing behind', async () => {
    const probe = await open(join(work.folder, 'probe'), 'w');
    const prototype = Object.getPrototypeOf(probe) as { write: (...args: unknown[]) => Promise<unknown> };
    await probe.close();
    const write = prototype.write;
    vi.spyOn(prototype, 'write').mockImplementation(function (this: unknown, ...args: unknown[]) {
      if (Number(args[3]) > 100_000) {
        const error = Object.assign(new Error('no space left'), { code: 'ENOSPC', syscall: 'write' });
        return Promise.reject(error);
      }
      return write.apply(this, args);
    });
    const error = await failure(resolveModelFolder('org/model', quick), 'HUB_DISK_FULL');
    expect(error.message).toContain('model.safetensors');
    expect(await incomplete()).toEqual([]);
    expect(await snapshotFiles()).toEqual([]);
    vi.restoreAllMocks();
    await expectWhole(await resolveModelFolder('org/model'));
  });

  it('a cache that cannot be written to', async () => {
    const file = join(work.folder, 'file');
    await writeFile(file, '');
    const error = await failure(
      resolveModelFolder('org/model', { cacheDir: join(file, 'x') }),
      'HUB_CACHE_NOT_WRITABLE',
    );
    expect(error.hint).toContain('HF_HOME');
    expect(error.exitCode).toBe(7);
  });

  it('a read-only cache that is complete is enough', async () => {
    const folder = await resolveModelFolder('org/model');
    await chmod(work.cacheDir, 0o555);
    try {
      expect(await resolveModelFolder('org/model')).toBe(folder);
    } finally {
      await chmod(work.cacheDir, 0o755);
    }
  });
});
