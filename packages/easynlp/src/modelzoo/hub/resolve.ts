import { readdir, readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { EasyNlpError } from '../../errors/index.js';
import { bundledModelFolder } from './bundled-models.js';
import { type CachedSnapshot, isCommit, RepositoryCache, readSnapshot } from './cache.js';
import { type BlobProgress, ensureBlob } from './download.js';
import { HubHttp, isTransient } from './http.js';
import { listHuggingFace } from './huggingface.js';
import { lookUpModelName, suggestModelNames } from './model-names.js';
import { listModelScope } from './modelscope.js';
import { badHubNameReason, badRevisionReason } from './safe-names.js';
import { selectFiles, shardFiles } from './select-files.js';
import { type HubSettings, readSettings } from './settings.js';
import type { HubProgress, RemoteFile, RemoteSnapshot, ResolveModelOptions } from './types.js';

const MOST_INDEX_BYTES = 64 * 2 ** 20;
const PARALLEL = 3;

/** True for texts that can only mean a folder of this machine. */
export function isPathLike(text: string): boolean {
  return /^(\.{1,2}|~)?[/\\]|^\.{1,2}$|^~$|^[a-z]:[/\\]|\\|\/$/i.test(text);
}

/**
 * Finds a model: a folder of this machine as it is, or a hub name, fetched into the cache when it is not there.
 *
 * Names beginning with `./`, `../`, `/` or `~` are folders. Another name is a folder if one of that name exists here,
 * else a model that comes with the toolkit (`bundled-models.ts`; `revision` and `files` have no meaning there), else a
 * model of the hub; EasyNLP's own model names are translated (see `model-names.ts`). Only what is needed is fetched:
 * `config.json`, tokenizer files, and the weights in one format (safetensors before `pytorch_model.bin`).
 *
 * @returns the absolute path of a folder that holds `config.json` and the weights (with `files`: the files asked for)
 * @throws EasyNlpError HUB_*; the signal's reason when it is aborted
 */
export async function resolveModelFolder(
  nameOrPath: string,
  options: ResolveModelOptions = {},
): Promise<string> {
  options.signal?.throwIfAborted();
  const local = await localFolder(nameOrPath);
  if (local !== undefined) return local;
  const bundled = bundledModelFolder(nameOrPath);
  if (bundled !== undefined) return bundled;
  const settings = readSettings(options);
  const hubName = checkName(nameOrPath, settings);
  const cache = new RepositoryCache(settings.cacheDir, hubName);
  if (settings.offline) return fromCacheOnly(nameOrPath, cache, settings, options);

  const cached = await cache.find(settings.revision, options.files);
  // A commit never changes, so a complete copy needs no question to the server. Patterns may match more over there.
  if (
    cached?.missing.length === 0 &&
    isCommit(settings.revision) &&
    settings.source === 'huggingface' &&
    !options.files
  ) {
    return cached.folder;
  }
  const suggestions = suggestModelNames(nameOrPath, await cachedNames(settings.cacheDir));
  const http = new HubHttp(settings, { name: nameOrPath, hubName, suggestions });
  let remote: RemoteSnapshot;
  try {
    remote = await (settings.source === 'modelscope' ? listModelScope(http) : listHuggingFace(http));
  } catch (error) {
    if (!isTransient(error) || cached === undefined || cached.missing.length > 0) throw error;
    options.onNotice?.(`${(error as Error).message} Using the copy in the cache: ${cached.folder}`);
    return cached.folder;
  }
  return new Fetch(http, cache, remote, options).run();
}

async function localFolder(nameOrPath: string): Promise<string | undefined> {
  const pathLike = isPathLike(nameOrPath);
  if (nameOrPath.includes('\0')) {
    throw new EasyNlpError('HUB_NAME_INVALID', { name: nameOrPath, reason: 'it contains a NUL character' });
  }
  const path = resolve(/^~(?=$|[/\\])/.test(nameOrPath) ? homedir() + nameOrPath.slice(1) : nameOrPath);
  const info = nameOrPath === '' ? undefined : await stat(path).catch(() => undefined);
  if (info?.isDirectory()) {
    const entries = await readdir(path, { withFileTypes: true });
    const found = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort();
    // TensorFlow's checkpoints of BERT call it otherwise.
    if (found.includes('config.json') || found.includes('bert_config.json')) return path;
    const subfolders: string[] = [];
    for (const name of found.filter((entry) => entry.endsWith('/')).slice(0, 50)) {
      if (await stat(join(path, name, 'config.json')).catch(() => undefined))
        subfolders.push(join(path, name));
    }
    throw new EasyNlpError('HUB_FOLDER_INCOMPLETE', {
      path,
      found,
      subfolders: subfolders.length > 0 ? subfolders : undefined,
      bareName: pathLike || badHubNameReason(nameOrPath) !== undefined ? undefined : nameOrPath,
    });
  }
  if (info !== undefined && (pathLike || badHubNameReason(nameOrPath) !== undefined)) {
    throw new EasyNlpError('HUB_NOT_A_FOLDER', { path: nameOrPath, parent: dirname(path) });
  }
  if (!pathLike) return undefined;
  const siblings = await readdir(dirname(path)).catch(() => []);
  const wanted = path.slice(dirname(path).length + 1).toLowerCase();
  const near = siblings
    .filter((name) => name.toLowerCase() === wanted)
    .map((name) => join(dirname(path), name));
  throw new EasyNlpError('HUB_FOLDER_NOT_FOUND', { path: nameOrPath, resolved: path, suggestions: near });
}

function checkName(name: string, settings: HubSettings): string {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(name)) {
    const advice = /^oss:/i.test(name)
      ? 'oss:// addresses of Alibaba PAI are not supported: download the folder (for example with ossutil) and give ./folder.'
      : 'Give the name alone, for example "hfl/chinese-macbert-base", and the server through HF_ENDPOINT.';
    throw new EasyNlpError('HUB_NAME_INVALID', { name, reason: 'it is an address', advice });
  }
  const reason = badHubNameReason(name);
  if (reason !== undefined) throw new EasyNlpError('HUB_NAME_INVALID', { name, reason });
  const badRevision = badRevisionReason(settings.revision);
  if (badRevision !== undefined) {
    const details = {
      name: settings.revision,
      reason: `as a revision, ${badRevision}`,
      advice: 'Give a branch, a tag or a commit id.',
    };
    throw new EasyNlpError('HUB_NAME_INVALID', details);
  }
  const { id, entry } = lookUpModelName(name, settings.source);
  if (entry.unpublished !== undefined) {
    throw new EasyNlpError('HUB_NAME_UNPUBLISHED', {
      name,
      reason: entry.unpublished,
      instead: entry.instead,
    });
  }
  if (settings.source === 'modelscope' && !id.includes('/')) {
    const suggestions = suggestModelNames(name);
    const advice = `Add the owner, for example "${suggestions.find((known) => known.includes('/')) ?? 'google-bert/bert-base-chinese'}".`;
    throw new EasyNlpError('HUB_NAME_INVALID', { name, reason: 'names on ModelScope have an owner', advice });
  }
  return id;
}

async function fromCacheOnly(
  name: string,
  cache: RepositoryCache,
  settings: HubSettings,
  options: ResolveModelOptions,
): Promise<string> {
  const found = await cache.find(settings.revision, options.files);
  if (found?.missing.length === 0) return found.folder;
  for (const folder of settings.source === 'modelscope' ? pythonModelScopeFolders(cache) : []) {
    const snapshot: CachedSnapshot | undefined = await readSnapshot(folder, options.files);
    if (snapshot?.missing.length === 0) return folder;
  }
  throw new EasyNlpError('HUB_OFFLINE', {
    name,
    hubName: cache.hubName,
    cacheDir: settings.cacheDir,
    missing:
      found === undefined
        ? `revision "${settings.revision}" was never fetched`
        : `${found.missing.join(', ')} missing`,
    missingFiles: found?.missing ?? [],
    cached: await cachedNames(settings.cacheDir),
  });
}

/** Where Python's modelscope keeps this model; it replaces dots in names. */
function pythonModelScopeFolders(cache: RepositoryCache): string[] {
  const parts = cache.hubName.split('/');
  const dotless = parts.map((part) => part.replaceAll('.', '___'));
  return [parts, dotless].flatMap((names) => [
    join(cache.cacheDir, 'models', ...names),
    join(cache.cacheDir, ...names),
  ]);
}

async function cachedNames(cacheDir: string): Promise<string[]> {
  const names = await readdir(cacheDir).catch(() => []);
  return names
    .filter((name) => name.startsWith('models--'))
    .map((name) => name.slice('models--'.length).replace('--', '/'));
}

/** Fetches what one snapshot needs: blobs first, names in the snapshot afterwards, the weights' names last. */
class Fetch {
  private readonly byPath: Map<string, RemoteFile>;
  private readonly received = new Map<string, number>();
  private readonly finished = new Set<string>();
  private total: readonly RemoteFile[] = [];

  constructor(
    private readonly http: HubHttp,
    private readonly cache: RepositoryCache,
    private readonly remote: RemoteSnapshot,
    private readonly options: ResolveModelOptions,
  ) {
    this.byPath = new Map(remote.files.map((file) => [file.path, file]));
  }

  async run(): Promise<string> {
    const paths = [...this.byPath.keys()];
    const selection = selectFiles(paths, this.options.files);
    if (selection.missing.length > 0) this.refuse(selection.missing, selection.otherWeights);
    const weights = [...selection.weights];
    const small = this.filesOf(selection.small);
    this.total = [...small, ...this.filesOf(weights)];
    if (selection.index !== undefined) {
      weights.push(...(await this.shards(selection.index)));
      this.total = [...small, ...this.filesOf(weights)];
    }
    await this.fetchAll(this.total);
    for (const file of this.total) await this.cache.link(this.remote.commit, file, this.http.context.name);
    // Last of all, so that a branch always leads to a complete snapshot, also without a network.
    await this.cache.setRef(this.http.settings.revision, this.remote.commit);
    return this.cache.snapshotFolder(this.remote.commit);
  }

  private filesOf(paths: readonly string[]): RemoteFile[] {
    const missing = paths.filter((path) => !this.byPath.has(path));
    if (missing.length > 0) this.refuse(missing, []);
    return paths.map((path) => this.byPath.get(path)!);
  }

  private refuse(missing: readonly string[], otherWeights: readonly string[]): never {
    throw new EasyNlpError('HUB_NOT_A_MODEL', {
      ...this.http.details,
      missing,
      otherWeights: otherWeights.length > 0 ? otherWeights : undefined,
      found: [...this.byPath.keys()],
    });
  }

  private async shards(index: string): Promise<string[]> {
    const file = this.byPath.get(index)!;
    if (file.size > MOST_INDEX_BYTES) {
      throw new EasyNlpError('HUB_BAD_RESPONSE', {
        ...this.http.details,
        reason: `${index} has ${file.size} bytes`,
      });
    }
    await this.fetchAll([file]);
    return shardFiles(
      await readFile(join(this.cache.places.blobs, file.blobId), 'utf8'),
      index,
      this.http.details,
    );
  }

  private async fetchAll(files: readonly RemoteFile[]): Promise<void> {
    const waiting = files.filter((file) => !this.finished.has(file.path));
    const failures: unknown[] = [];
    const worker = async (): Promise<void> => {
      while (failures.length === 0) {
        const file = waiting.shift();
        if (file === undefined) return;
        try {
          await this.fetchOne(file);
        } catch (error) {
          failures.push(error);
        }
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, worker));
    if (failures.length > 0) throw failures[0];
  }

  private async fetchOne(file: RemoteFile): Promise<void> {
    const report: BlobProgress = (state, bytes) => this.report(file, state, bytes);
    // Python on Windows keeps plain files in snapshots and no blobs: those count, too.
    const there = (await this.cache.existing(this.remote.commit, file)) !== undefined;
    const outcome = there ? 'cached' : await ensureBlob(file, this.cache.places, this.http, report);
    this.finished.add(file.path);
    this.report(file, outcome === 'cached' ? 'cached' : 'done', file.size);
  }

  private report(file: RemoteFile, state: HubProgress['state'], receivedBytes: number): void {
    this.received.set(file.path, receivedBytes);
    this.options.onProgress?.({
      file: file.path,
      state,
      receivedBytes,
      totalBytes: file.size,
      filesDone: this.finished.size,
      filesTotal: this.total.length,
      allReceivedBytes: [...this.received.values()].reduce((sum, bytes) => sum + bytes, 0),
      allTotalBytes: this.total.reduce((sum, { size }) => sum + size, 0),
    });
  }
}
