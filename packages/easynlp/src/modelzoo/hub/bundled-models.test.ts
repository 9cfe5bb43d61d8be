import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BUNDLED_MODELS, bundledModelFolder } from './bundled-models.js';
import { resolveModelFolder, suggestModelNames } from './index.js';
import { failure, Workspace } from './testing/workspace.js';

let work: Workspace;

beforeEach(async () => {
  work = await Workspace.create();
  // Nothing listens there, and offline mode would refuse every name of a hub.
  work.env('HF_ENDPOINT', 'http://127.0.0.1:9');
  work.env('HF_HUB_OFFLINE', '1');
});

afterEach(() => work.dispose());

describe('models that come with the toolkit', () => {
  it.each(BUNDLED_MODELS)('%s is found without a network, with and without its owner', async (name) => {
    const folder = await resolveModelFolder(name);
    expect(basename(folder)).toBe(name);
    for (const file of ['config.json', 'model.safetensors', 'tokenizer.json', 'vocab.txt', 'README.md'])
      expect(existsSync(join(folder, file)), file).toBe(true);
    expect(await resolveModelFolder(`easynlp/${name}`)).toBe(folder);
  });

  it('take nothing from other owners or unknown names', async () => {
    expect(bundledModelFolder('other/bert-tiny-zh')).toBeUndefined();
    expect(bundledModelFolder('easynlp/bert-base-zh')).toBeUndefined();
    await failure(resolveModelFolder('other/bert-tiny-zh'), 'HUB_OFFLINE');
  });

  it('are suggested for misspelled names', () => {
    expect(suggestModelNames('bert-tini-zh')[0]).toBe('bert-tiny-zh');
  });

  it('say which package is missing', () => {
    const missing = (): string => {
      throw Object.assign(new Error('Cannot find module'), { code: 'MODULE_NOT_FOUND' });
    };
    expect(bundledModelFolder('bert-base-chinese', missing)).toBeUndefined();
    expect(() => bundledModelFolder('bert-small-zh', missing)).toThrow(
      expect.objectContaining({
        code: 'HUB_BUNDLED_MISSING',
        message: expect.stringContaining('@easynlp/models-zh') as string,
        hint: expect.stringContaining('npm install @easynlp/models-zh') as string,
      }),
    );
  });
});
