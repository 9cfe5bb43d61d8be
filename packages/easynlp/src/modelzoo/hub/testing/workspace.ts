import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { EasyNlpError, type ErrorCode } from '../../../errors/index.js';
import type { FakeRepository } from './fake-hub.js';

const VARIABLES = /^(HF_|HUGGING|TRANSFORMERS_OFFLINE|MODELSCOPE_|EASYNLP_HUB|XDG_CACHE_HOME)/;

/** A temporary folder, and an environment without the variables that choose hubs and caches. */
export class Workspace {
  private readonly saved = new Map<string, string | undefined>();

  private constructor(readonly folder: string) {
    for (const name of Object.keys(process.env).filter((key) => VARIABLES.test(key)))
      this.env(name, undefined);
    this.env('HF_HOME', join(folder, 'hf-home'));
  }

  static async create(): Promise<Workspace> {
    return new Workspace(await mkdtemp(join(tmpdir(), 'easynlp-hub-')));
  }

  get cacheDir(): string {
    return join(this.folder, 'hf-home', 'hub');
  }

  env(name: string, value: string | undefined): void {
    if (!this.saved.has(name)) this.saved.set(name, process.env[name]);
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }

  async dispose(): Promise<void> {
    for (const [name, value] of this.saved) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  /** All files and links below a folder, relative to it. */
  async list(folder = this.cacheDir): Promise<string[]> {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
    return entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
      .sort();
  }
}

/** The error that an action ends with, of the code that is expected. */
export async function failure(action: Promise<unknown>, code: ErrorCode): Promise<EasyNlpError> {
  const error = await action.then(
    (value) => new Error(`expected ${code}, got the value ${String(value)}`),
    (reason: unknown) => reason,
  );
  if (!EasyNlpError.isInstance(error)) throw error;
  if (error.code !== code)
    throw new Error(`expected ${code}, got ${error.code}: ${error.message}`, { cause: error });
  return error;
}

/** Bytes that look like weights: no two stretches are alike, so that a misplaced one is noticed. */
export function noise(size: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(size);
  let state = seed >>> 0 || 1;
  for (let i = 0; i < size; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[i] = state & 0xff;
  }
  return bytes;
}

export function bertRepository(weights = noise(100_000), rest: Partial<FakeRepository> = {}): FakeRepository {
  return {
    files: {
      '.gitattributes': '*.bin filter=lfs\n',
      'README.md': '# a model\n',
      'config.json': '{"model_type":"bert"}\n',
      'vocab.txt': '[PAD]\n[UNK]\n你\n好\n',
      'tokenizer_config.json': '{}\n',
      'model.safetensors': weights,
      'pytorch_model.bin': noise(3000, 2),
      'tf_model.h5': noise(3000, 3),
      'flax_model.msgpack': noise(3000, 4),
      'onnx/model.onnx': noise(3000, 5),
    },
    lfs: ['model.safetensors', 'pytorch_model.bin', 'tf_model.h5', 'flax_model.msgpack', 'onnx/model.onnx'],
    ...rest,
  };
}

export async function readText(...parts: string[]): Promise<string> {
  return readFile(join(...parts), 'utf8');
}
