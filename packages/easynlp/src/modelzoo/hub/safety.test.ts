import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveModelFolder } from './index.js';
import { checkRedirect, isPrivateHost } from './redirects.js';
import { unsafeFileNameReason } from './safe-names.js';
import { matchPattern } from './select-files.js';
import { checkEndpoint } from './settings.js';
import { FakeHub } from './testing/fake-hub.js';
import { bertRepository, failure, Workspace } from './testing/workspace.js';

let work: Workspace;
let hub: FakeHub;

beforeEach(async () => {
  work = await Workspace.create();
  hub = await FakeHub.start({ 'org/model': bertRepository() });
  work.env('HF_ENDPOINT', hub.url);
});

afterEach(async () => {
  await hub.stop();
  await work.dispose();
});

const HOSTILE = [
  '../../../../evil.txt',
  'a/../../evil.txt',
  '/etc/passwd',
  '..\\evil.txt',
  'C:\\evil.txt',
  'C:evil.txt',
  'a\\b',
  'a//b',
  './a',
  'a/.',
  'NUL',
  'com1.txt',
  'a\u0000b',
  'a\nb',
  'stream:ads',
  '',
];

describe('file names of the server (R29)', () => {
  it.each(HOSTILE)('refuses a repository with %j', async (path) => {
    hub.repositories['org/model']!.extraEntries = [{ type: 'file', path, size: 4, oid: 'a'.repeat(40) }];
    const error = await failure(resolveModelFolder('org/model'), 'HUB_UNSAFE_FILE_NAME');
    expect(error.details.file).toBe(path);
    expect(await work.list(work.folder)).toEqual([]);
  });

  it('refuses hostile directories, shards and ids', async () => {
    hub.repositories['org/model']!.extraEntries = [{ type: 'directory', path: '../up', size: 0, oid: '' }];
    await failure(resolveModelFolder('org/model'), 'HUB_UNSAFE_FILE_NAME');
    const index = '{"weight_map":{"a":"../../../x.safetensors"}}';
    hub.repositories['org/model'] = { files: { 'config.json': '{}', 'model.safetensors.index.json': index } };
    await failure(resolveModelFolder('org/model'), 'HUB_UNSAFE_FILE_NAME');
    hub.repositories['org/model'] = bertRepository(undefined, {
      alterEntry: (entry) => ({ ...entry, oid: '../../../../evil', lfs: undefined }),
    });
    await failure(resolveModelFolder('org/model'), 'HUB_BAD_RESPONSE');
    hub.repositories['org/model'] = bertRepository(undefined, {
      alterEntry: (entry) => ({ ...entry, size: -1, lfs: undefined }),
    });
    await failure(resolveModelFolder('org/model'), 'HUB_BAD_RESPONSE');
  });

  it('writes through no link that was put into a snapshot', async () => {
    hub.repositories['org/model']!.files['sub/config.json'] = '{}';
    const folder = await resolveModelFolder('org/model');
    const outside = join(work.folder, 'outside');
    await mkdir(outside);
    await rm(join(folder, 'sub'), { recursive: true, force: true });
    await symlink(outside, join(folder, 'sub'));
    const run = resolveModelFolder('org/model', { files: ['sub/config.json'] });
    await failure(run, 'HUB_UNSAFE_FILE_NAME');
    expect(await work.list(outside)).toEqual([]);
  });

  it('no accepted name leaves the folder it is joined to', () => {
    const part = fc.oneof(
      fc.constantFrom('..', '.', '', 'a', 'C:', '\\', 'x y', '模型', '~'),
      fc.string({ maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        const name = parts.join('/');
        if (unsafeFileNameReason(name) !== undefined) return;
        expect(join('/root/snapshot', name).startsWith('/root/snapshot/')).toBe(true);
        expect(name).not.toMatch(/\\|^[a-z]:/i);
      }),
      { numRuns: 2000 },
    );
  });

  it('patterns match literally but for * ? **', () => {
    expect(matchPattern('*.json')('a.json')).toBe(true);
    expect(matchPattern('*.json')('a/b.json')).toBe(false);
    expect(matchPattern('**/*.json')('a/b/c.json')).toBe(true);
    expect(matchPattern('**/*.json')('c.json')).toBe(true);
    expect(matchPattern('a?c')('abc')).toBe(true);
    expect(matchPattern('a.c')('abc')).toBe(false);
    expect(matchPattern('a(b|c)')('ab')).toBe(false);
  });
});

describe('endpoints and redirects (R29)', () => {
  it.each([
    'ftp://x',
    'file:///etc/passwd',
    'javascript:1',
    'huggingface.co',
    'https://u:p@x',
    'https://x/?a=1',
    '',
  ])('refuses the endpoint %j', async (endpoint) => {
    const error = await failure(resolveModelFolder('org/model', { endpoint }), 'HUB_ENDPOINT_INVALID');
    expect(error.exitCode).toBe(2);
  });

  it('keeps a path prefix and drops the slash', () => {
    expect(checkEndpoint('https://mirror.example/hf/', 'x')).toBe('https://mirror.example/hf');
  });

  it('sends the token to the endpoint only', async () => {
    hub.repositories['org/private'] = bertRepository(undefined, { privateToken: 'hf_secret' });
    await resolveModelFolder('org/private', { token: 'hf_secret' });
    const cdn = hub.requests.filter(({ server }) => server === 'cdn');
    expect(cdn.length).toBeGreaterThan(0);
    for (const { headers } of cdn) expect(headers.authorization).toBeUndefined();
    for (const { server, headers } of hub.requests) {
      if (server === 'hub') expect(headers.authorization).toBe('Bearer hf_secret');
    }
  });

  it('sends no token to the next page of a listing on another host', async () => {
    hub.fault = ({ server, url }) =>
      server === 'hub' && url.includes('/tree/')
        ? {
            kind: 'status',
            status: 200,
            body: '[]',
            headers: { link: `<${hub.cdnUrl}/cdn/next>; rel="next"`, 'content-type': 'application/json' },
          }
        : server === 'cdn'
          ? { kind: 'body', body: '[]' }
          : undefined;
    await failure(resolveModelFolder('org/model', { token: 'hf_secret' }), 'HUB_NOT_A_MODEL');
    const next = hub.requests.filter(({ server }) => server === 'cdn');
    expect(next).toHaveLength(1);
    expect(next[0]!.headers.authorization).toBeUndefined();
  });

  it('does not follow redirects for ever', async () => {
    hub.fault = ({ url }) => ({ kind: 'redirect', to: url });
    await failure(resolveModelFolder('org/model'), 'HUB_BAD_RESPONSE');
  });

  it('refuses a redirect to a file', async () => {
    hub.fault = () => ({ kind: 'redirect', to: 'file:///etc/passwd' });
    await failure(resolveModelFolder('org/model'), 'HUB_UNSAFE_REDIRECT');
  });

  it.each([
    ['https://huggingface.co/a', 'http://huggingface.co/a'],
    ['https://huggingface.co/a', 'https://169.254.169.254/latest/meta-data'],
    ['https://huggingface.co/a', 'https://localhost/'],
    ['https://huggingface.co/a', 'https://[::1]/'],
    ['https://huggingface.co/a', 'https://[::ffff:10.0.0.1]/'],
    ['https://huggingface.co/a', 'https://0x7f.1/'],
    ['https://huggingface.co/a', 'https://192.168.1.1/'],
    ['https://huggingface.co/a', 'ftp://x/'],
    ['https://huggingface.co/a', 'https://'],
  ])('refuses %s → %s', async (from, to) => {
    await failure((async () => checkRedirect(new URL(from), to))(), 'HUB_UNSAFE_REDIRECT');
  });

  it('follows what is harmless', () => {
    expect(checkRedirect(new URL('https://huggingface.co/a/b'), '/c').href).toBe('https://huggingface.co/c');
    expect(checkRedirect(new URL('http://10.0.0.1/a'), 'http://10.0.0.2/b').href).toBe('http://10.0.0.2/b');
    expect(checkRedirect(new URL('http://hf-mirror.com/'), 'https://cdn.example/').href).toBe(
      'https://cdn.example/',
    );
    for (const host of ['huggingface.co', '8.8.8.8', '172.32.0.1', '[2001:db8::1]'])
      expect(isPrivateHost(host)).toBe(false);
  });

  it('a stored token goes to the official server only', async () => {
    await mkdir(join(work.folder, 'hf-home'), { recursive: true });
    await writeFile(join(work.folder, 'hf-home', 'token'), 'hf_stored\n');
    const { readSettings } = await import('./settings.js');
    expect(readSettings({}).token).toBeUndefined();
    work.env('HF_ENDPOINT', undefined);
    expect(readSettings({}).token).toBe('hf_stored');
    work.env('HF_HUB_DISABLE_IMPLICIT_TOKEN', '1');
    expect(readSettings({}).token).toBeUndefined();
  });
});
