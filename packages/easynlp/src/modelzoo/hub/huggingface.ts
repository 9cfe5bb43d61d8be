import { type ListFileEntry, listFiles, modelInfo } from '@huggingface/hub';
import { EasyNlpError } from '../../errors/index.js';
import { isCommit } from './cache.js';
import type { HubHttp } from './http.js';
import { assertSafeFileName } from './safe-names.js';
import type { RemoteFile, RemoteSnapshot } from './types.js';

const MOST_FILES = 100_000;

const encodePath = (path: string): string => path.split('/').map(encodeURIComponent).join('/');

/**
 * Lists a repository of the Hugging Face hub (or a mirror) at a revision. The listing goes through @huggingface/hub;
 * the bytes do not, because its downloader neither verifies nor resumes and lets two processes write one file.
 */
export async function listHuggingFace(http: HubHttp): Promise<RemoteSnapshot> {
  const { endpoint, revision } = http.settings;
  const name = http.context.hubName;
  const common = { hubUrl: endpoint, fetch: http.fetch };
  const bad = (reason: string, cause?: unknown): EasyNlpError =>
    new EasyNlpError('HUB_BAD_RESPONSE', { ...http.details, reason }, { cause });
  try {
    const { sha } = await modelInfo({ name, revision, additionalFields: ['sha'], ...common });
    if (typeof sha !== 'string' || !isCommit(sha)) throw bad('the commit id is missing or malformed');
    const files: RemoteFile[] = [];
    for await (const entry of listFiles({
      repo: { type: 'model', name },
      revision: sha,
      recursive: true,
      ...common,
    })) {
      if (entry.type === 'file') files.push(toRemoteFile(entry, sha, http, bad));
      else assertSafeFileName(entry.path, http.details);
      if (files.length > MOST_FILES) throw bad(`more than ${MOST_FILES} files`);
    }
    return { commit: sha, files };
  } catch (error) {
    // The library's own complaints are about answers that are not what the hub gives.
    if (EasyNlpError.isInstance(error) || http.settings.signal?.aborted) throw error;
    throw bad(error instanceof Error ? error.message : String(error), error);
  }
}

function toRemoteFile(
  entry: ListFileEntry,
  commit: string,
  http: HubHttp,
  bad: (reason: string) => EasyNlpError,
): RemoteFile {
  const path = assertSafeFileName(entry.path, http.details);
  const sha256 = entry.lfs?.oid;
  const blobId = sha256 ?? entry.oid;
  const size = entry.lfs?.size ?? entry.size;
  // The id becomes a file name under blobs/, so its form matters as much as the path's.
  if (
    typeof blobId !== 'string' ||
    !(sha256 === undefined ? /^[0-9a-f]{40}$/ : /^[0-9a-f]{64}$/).test(blobId)
  ) {
    throw bad(`the id of ${path} is missing or malformed`);
  }
  if (!Number.isSafeInteger(size) || size < 0) throw bad(`the size of ${path} is missing or malformed`);
  return {
    path,
    size,
    blobId,
    check: { algorithm: sha256 === undefined ? 'git' : 'sha256', hex: blobId },
    url: `${http.settings.endpoint}/${http.context.hubName}/resolve/${commit}/${encodePath(path)}`,
  };
}
