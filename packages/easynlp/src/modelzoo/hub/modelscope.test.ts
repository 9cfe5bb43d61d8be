import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveModelFolder } from './index.js';
import { FakeHub } from './testing/fake-hub.js';
import { bertRepository, failure, noise, Workspace } from './testing/workspace.js';

let work: Workspace;
let hub: FakeHub;
let cacheDir: string;

beforeEach(async () => {
  work = await Workspace.create();
  hub = await FakeHub.start({
    'google-bert/bert-base-chinese': bertRepository(noise(50_000)),
    'org/model-1.0': bertRepository(noise(100)),
  });
  cacheDir = join(work.folder, 'modelscope');
  work.env('MODELSCOPE_CACHE', cacheDir);
  work.env('MODELSCOPE_ENDPOINT', hub.url);
  work.env('EASYNLP_HUB', 'modelscope');
});

afterEach(async () => {
  await hub.stop();
  await work.dispose();
});

describe('ModelScope', () => {
  it('fetches what is needed and works offline afterwards', async () => {
    const folder = await resolveModelFolder('bert-base-chinese');
    expect(folder.startsWith(cacheDir)).toBe(true);
    expect(await work.list(folder)).toEqual([
      'config.json',
      'model.safetensors',
      'tokenizer_config.json',
      'vocab.txt',
    ]);
    const requests = hub.requests.length;
    expect(await resolveModelFolder('bert-base-chinese', { offline: true })).toBe(folder);
    expect(hub.requests.length).toBe(requests);
    await resolveModelFolder('bert-base-chinese');
    expect(hub.requests.length).toBe(requests + 1);
  });

  it('goes on after a break and notices damage', async () => {
    let seen = 0;
    hub.fault = ({ url }) =>
      url.includes('safetensors') && seen++ === 0 ? { kind: 'truncate', after: 20_000 } : undefined;
    await resolveModelFolder('bert-base-chinese');
    expect(hub.requests.some(({ headers }) => headers.range === 'bytes=20000-')).toBe(true);
    hub.fault = ({ url }) => (url.includes('FilePath=vocab') ? { kind: 'flip' } : undefined);
    hub.repositories['google-bert/bert-base-chinese']!.files['vocab.txt'] = 'new';
    const error = await failure(resolveModelFolder('bert-base-chinese'), 'HUB_CHECKSUM_MISMATCH');
    expect(error.message).toContain('vocab.txt');
  });

  it('explains unknown models, revisions, names without owner, and an unreachable server', async () => {
    const unknown = await failure(resolveModelFolder('google-bert/bert-base-chinse'), 'HUB_MODEL_NOT_FOUND');
    expect(unknown.hint).toContain('bert-base-chinese');
    await failure(resolveModelFolder('org/model-1.0', { revision: 'v9' }), 'HUB_REVISION_NOT_FOUND');
    const owner = await failure(resolveModelFolder('chinese-macbert-base'), 'HUB_NAME_INVALID');
    expect(owner.hint).toContain('hfl/chinese-macbert-base');
    const options = { endpoint: 'http://127.0.0.1:1', retries: 0 };
    expect((await failure(resolveModelFolder('org/model-1.0', options), 'HUB_NETWORK')).hint).toContain(
      'MODELSCOPE_ENDPOINT',
    );
  });

  it('refuses hostile names and malformed hashes', async () => {
    const repository = hub.repositories['org/model-1.0']!;
    repository.extraEntries = [{ Type: 'blob', Path: '../x', Size: 1, Sha256: 'a'.repeat(64) }];
    await failure(resolveModelFolder('org/model-1.0'), 'HUB_UNSAFE_FILE_NAME');
    repository.extraEntries = [{ Type: 'blob', Path: 'x', Size: 1, Sha256: '../../x' }];
    await failure(resolveModelFolder('org/model-1.0'), 'HUB_BAD_RESPONSE');
    expect(await work.list(cacheDir)).toEqual([]);
  });

  it('sends the token to the endpoint only', async () => {
    hub.fault = ({ server, url }) =>
      server === 'hub' && url.includes('FilePath=model.safetensors')
        ? { kind: 'redirect', to: `${hub.cdnUrl}/cdn/org%2Fmodel-1.0%3Amodel.safetensors` }
        : undefined;
    await resolveModelFolder('org/model-1.0', { token: 'ms-secret' });
    const cdn = hub.requests.filter(({ server }) => server === 'cdn');
    expect(cdn).toHaveLength(1);
    expect([cdn[0]!.headers.authorization, cdn[0]!.headers.cookie]).toEqual([undefined, undefined]);
    expect(hub.requests[0]!.headers.authorization).toBe('Bearer ms-secret');
  });

  it('uses a folder that Python downloaded, offline', async () => {
    const folder = join(cacheDir, 'models', 'org', 'other-2___0');
    await mkdir(folder, { recursive: true });
    for (const name of ['config.json', 'model.safetensors']) await writeFile(join(folder, name), '{}');
    expect(await resolveModelFolder('org/other-2.0', { offline: true })).toBe(folder);
  });

  it('refuses another source', async () => {
    work.env('EASYNLP_HUB', 'github');
    await failure(resolveModelFolder('org/model-1.0'), 'HUB_ENDPOINT_INVALID');
  });
});
