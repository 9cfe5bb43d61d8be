import { lstat, mkdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HubProgress, resolveModelFolder } from './index.js';
import { FakeHub, gitId, sha256 } from './testing/fake-hub.js';
import { bertRepository, failure, noise, readText, Workspace } from './testing/workspace.js';

const NEEDED = ['config.json', 'model.safetensors', 'tokenizer_config.json', 'vocab.txt'];

let work: Workspace;
let hub: FakeHub;

beforeEach(async () => {
  work = await Workspace.create();
  hub = await FakeHub.start({
    'bert-base-chinese': bertRepository(),
    'hfl/chinese-macbert-base': bertRepository(noise(5000, 9)),
  });
  work.env('HF_ENDPOINT', hub.url);
});

afterEach(async () => {
  await hub.stop();
  await work.dispose();
});

describe('download from the hub', () => {
  it('fetches only what is needed, in the layout that Python shares', async () => {
    const folder = await resolveModelFolder('bert-base-chinese');
    const commit = hub.commitOf('bert-base-chinese');
    const repository = join(work.cacheDir, 'models--bert-base-chinese');
    expect(folder).toBe(join(repository, 'snapshots', commit));
    expect(await work.list(folder)).toEqual(NEEDED);
    expect(await readText(repository, 'refs', 'main')).toBe(commit);
    const { files } = hub.repositories['bert-base-chinese']!;
    // Small files under their git id, large ones under their SHA-256, links relative: as huggingface_hub does.
    const config = gitId(Buffer.from(files['config.json']!));
    expect(await readlink(join(folder, 'config.json'))).toBe(`../../blobs/${config}`);
    const weights = sha256(Buffer.from(files['model.safetensors']!));
    expect(await readlink(join(folder, 'model.safetensors'))).toBe(`../../blobs/${weights}`);
    for (const name of NEEDED) expect(await readFile(join(folder, name))).toEqual(Buffer.from(files[name]!));
    expect((await work.list(repository)).filter((name) => /incomplete|\.link|\.ref|lock/.test(name))).toEqual(
      [],
    );
    expect((await work.list(join(work.cacheDir, '.locks'))).length).toBe(0);
  });

  it('downloads nothing the second time, and asks nothing at all for a commit', async () => {
    await resolveModelFolder('bert-base-chinese');
    const before = hub.contentRequests().length;
    await resolveModelFolder('bert-base-chinese');
    expect(hub.contentRequests().length).toBe(before);
    const all = hub.requests.length;
    await resolveModelFolder('bert-base-chinese', { revision: hub.commitOf('bert-base-chinese') });
    expect(hub.requests.length).toBe(all);
  });

  it('fetches only changed files of a new revision', async () => {
    const old = await resolveModelFolder('bert-base-chinese');
    hub.repositories['bert-base-chinese']!.files['vocab.txt'] = '[PAD]\n新\n';
    hub.requests.length = 0;
    const folder = await resolveModelFolder('bert-base-chinese');
    expect(folder).not.toBe(old);
    expect(hub.contentRequests().map(({ url }) => url.slice(url.lastIndexOf('/') + 1))).toEqual([
      'vocab.txt',
    ]);
    expect(await readText(folder, 'vocab.txt')).toBe('[PAD]\n新\n');
    expect(await readText(old, 'vocab.txt')).toContain('你');
  });

  it.each([
    [
      'pytorch_model.bin when there are no safetensors',
      { 'pytorch_model.bin': noise(99) },
      ['pytorch_model.bin'],
    ],
    [
      'the shards that an index names',
      {
        'model.safetensors.index.json':
          '{"weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors","c":"model-1.safetensors"}}',
        'model-1.safetensors': noise(50),
        'model-2.safetensors': noise(60),
        'model-3.safetensors': noise(70),
        'pytorch_model.bin': noise(99),
      },
      ['model-1.safetensors', 'model-2.safetensors', 'model.safetensors.index.json'],
    ],
    [
      'a file without content',
      { 'model.safetensors': noise(5), 'added_tokens.json': '' },
      ['added_tokens.json', 'model.safetensors'],
    ],
  ])('takes %s', async (_title, files, expected) => {
    hub.repositories['org/model'] = { files: { 'config.json': '{}', ...files } };
    expect(await work.list(await resolveModelFolder('org/model'))).toEqual(
      [...expected, 'config.json'].sort(),
    );
    expect(await work.list(await resolveModelFolder('org/model', { offline: true }))).toHaveLength(
      expected.length + 1,
    );
  });

  it('takes the files of the given patterns', async () => {
    const files = ['config.json', 'onnx/*', '*.md'];
    const folder = await resolveModelFolder('bert-base-chinese', { files });
    expect(await work.list(folder)).toEqual(['README.md', 'config.json', 'onnx/model.onnx']);
    expect(await readlink(join(folder, 'onnx/model.onnx'))).toMatch(/^\.\.\/\.\.\/\.\.\/blobs\//);
    const error = await failure(
      resolveModelFolder('bert-base-chinese', { files: ['x.json'] }),
      'HUB_NOT_A_MODEL',
    );
    expect(error.message).toContain('x.json');
  });

  it('follows renamed repositories and the table of EasyNLP names', async () => {
    hub.repositories['google-bert/bert-large-chinese'] = bertRepository(noise(7), {
      formerName: 'bert-large-chinese',
    });
    expect(await resolveModelFolder('bert-large-chinese')).toContain('models--bert-large-chinese');
    expect(await resolveModelFolder('hfl/macbert-base-zh')).toContain('models--hfl--chinese-macbert-base');
  });

  it('reports progress that ends with everything received', async () => {
    const seen: HubProgress[] = [];
    await resolveModelFolder('bert-base-chinese', { onProgress: (progress) => seen.push(progress) });
    const last = seen.at(-1)!;
    expect(last).toMatchObject({ filesDone: 4, filesTotal: 4 });
    expect(last.allReceivedBytes).toBe(last.allTotalBytes);
    expect(seen.some(({ state, file }) => state === 'downloading' && file === 'model.safetensors')).toBe(
      true,
    );
    seen.length = 0;
    await resolveModelFolder('bert-base-chinese', { onProgress: (progress) => seen.push(progress) });
    expect(new Set(seen.map(({ state }) => state))).toEqual(new Set(['cached']));
  });

  it('honours HF_HUB_CACHE, cacheDir, endpoint and a tag with a slash', async () => {
    work.env('HF_HUB_CACHE', join(work.folder, 'other'));
    expect(await resolveModelFolder('bert-base-chinese')).toContain(join(work.folder, 'other'));
    const cacheDir = join(work.folder, 'third');
    hub.repositories['bert-base-chinese']!.branches = ['v/1'];
    work.env('HF_ENDPOINT', 'http://127.0.0.1:1');
    const folder = await resolveModelFolder('bert-base-chinese', {
      cacheDir,
      endpoint: `${hub.url}/`,
      revision: 'v/1',
    });
    expect(folder).toContain(cacheDir);
    expect(await readText(cacheDir, 'models--bert-base-chinese/refs/v/1')).toBe(
      hub.commitOf('bert-base-chinese'),
    );
  });

  it('replaces a dangling link and a blob of the wrong size', async () => {
    const folder = await resolveModelFolder('bert-base-chinese');
    const blob = join(folder, await readlink(join(folder, 'vocab.txt')));
    await writeFile(blob, 'cut');
    await rm(join(folder, await readlink(join(folder, 'config.json'))));
    await resolveModelFolder('bert-base-chinese');
    expect(await readText(folder, 'vocab.txt')).toContain('你');
    expect(await readText(folder, 'config.json')).toContain('bert');
  });
});

describe('offline', () => {
  it('uses the cache without a request', async () => {
    const online = await resolveModelFolder('bert-base-chinese');
    const requests = hub.requests.length;
    work.env('HF_HUB_OFFLINE', '1');
    expect(await resolveModelFolder('bert-base-chinese')).toBe(online);
    expect(hub.requests.length).toBe(requests);
  });

  it('says what is missing', async () => {
    const offline = { offline: true };
    const never = await failure(resolveModelFolder('bert-base-chinese', offline), 'HUB_OFFLINE');
    expect(never.message).toContain('never fetched');
    expect(never.message).toContain(work.cacheDir);
    expect(never.exitCode).toBe(5);
    const folder = await resolveModelFolder('bert-base-chinese');
    await rm(join(folder, 'model.safetensors'));
    const lost = await failure(resolveModelFolder('bert-base-chinese', offline), 'HUB_OFFLINE');
    expect(lost.message).toContain('model.safetensors or pytorch_model.bin missing');
    const other = await failure(resolveModelFolder('hfl/chinese-macbert-base', offline), 'HUB_OFFLINE');
    expect(other.hint).toContain('bert-base-chinese');
  });

  it('names a missing shard', async () => {
    const index = '{"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors"}}';
    hub.repositories['org/model'] = {
      files: {
        'config.json': '{}',
        'model.safetensors.index.json': index,
        'm-1.safetensors': 'a',
        'm-2.safetensors': 'b',
      },
    };
    const folder = await resolveModelFolder('org/model');
    await rm(join(folder, 'm-2.safetensors'));
    const error = await failure(resolveModelFolder('org/model', { offline: true }), 'HUB_OFFLINE');
    expect(error.message).toContain('m-2.safetensors missing');
  });

  it('reads a snapshot that Python wrote', async () => {
    const repository = join(work.cacheDir, 'models--org--python');
    const commit = 'a'.repeat(40);
    await mkdir(join(repository, 'snapshots', commit), { recursive: true });
    await mkdir(join(repository, 'blobs'));
    await mkdir(join(repository, 'refs'));
    await writeFile(join(repository, 'refs', 'main'), commit);
    for (const name of ['config.json', 'pytorch_model.bin']) {
      await writeFile(join(repository, 'blobs', `etag-${name}`), '{}');
      await symlink(`../../blobs/etag-${name}`, join(repository, 'snapshots', commit, name));
    }
    expect(await resolveModelFolder('org/python', { offline: true })).toBe(
      join(repository, 'snapshots', commit),
    );
  });

  it('falls back to a complete copy when the hub cannot be reached, and says so', async () => {
    const folder = await resolveModelFolder('bert-base-chinese');
    const notices: string[] = [];
    const options = {
      endpoint: 'http://127.0.0.1:1',
      retries: 0,
      onNotice: (text: string) => notices.push(text),
    };
    expect(await resolveModelFolder('bert-base-chinese', options)).toBe(folder);
    expect(notices[0]).toContain('http://127.0.0.1:1');
    await rm(join(folder, 'config.json'));
    await failure(resolveModelFolder('bert-base-chinese', options), 'HUB_NETWORK');
  });
});

describe('folders of this machine', () => {
  it('uses a folder as it is', async () => {
    const folder = join(work.folder, 'mine');
    await mkdir(folder);
    await writeFile(join(folder, 'config.json'), '{}');
    expect(await resolveModelFolder(folder)).toBe(folder);
    expect(await resolveModelFolder(`${folder}/`)).toBe(folder);
    const cwd = process.cwd();
    try {
      process.chdir(work.folder);
      expect(await resolveModelFolder('./mine')).toBe(join(process.cwd(), 'mine'));
      expect(await resolveModelFolder('mine')).toBe(join(process.cwd(), 'mine'));
    } finally {
      process.chdir(cwd);
    }
    expect(hub.requests).toEqual([]);
  });

  it('lists what is in a folder without config.json, and the folder inside that has one', async () => {
    const folder = join(work.folder, 'out');
    await mkdir(join(folder, 'best'), { recursive: true });
    await writeFile(join(folder, 'metrics.jsonl'), '');
    await writeFile(join(folder, 'best', 'config.json'), '{}');
    const error = await failure(resolveModelFolder(folder), 'HUB_FOLDER_INCOMPLETE');
    expect(error.message).toContain('best/, metrics.jsonl');
    expect(error.hint).toContain(join(folder, 'best'));
    expect(error.exitCode).toBe(4);
  });

  it.each([
    './no-such-folder',
    '../no-such-folder',
    '/no/such/folder',
    '~/no-such-folder-here',
    './BERT-base-chinese',
  ])('never asks a hub for %s', async (path) => {
    const error = await failure(resolveModelFolder(path), 'HUB_FOLDER_NOT_FOUND');
    expect(error.message).toContain(path);
    expect(hub.requests).toEqual([]);
  });

  it('refuses a file', async () => {
    const file = join(work.folder, 'model.safetensors');
    await writeFile(file, '');
    const error = await failure(resolveModelFolder(file), 'HUB_NOT_A_FOLDER');
    expect(error.hint).toContain(work.folder);
    expect((await lstat(file)).isFile()).toBe(true);
  });
});
