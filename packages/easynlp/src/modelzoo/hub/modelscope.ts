import { createHash } from 'node:crypto';
import { EasyNlpError } from '../../errors/index.js';
import type { HubHttp } from './http.js';
import { assertSafeFileName } from './safe-names.js';
import type { RemoteFile, RemoteSnapshot } from './types.js';

interface Listing {
  Code?: number;
  Message?: string;
  Data?: { Files?: readonly ListedFile[] | null } | null;
}

interface ListedFile {
  Type?: string;
  Path?: string;
  Size?: number;
  Sha256?: string;
  Revision?: string;
}

/** Lists a model of modelscope.cn through its public file interface, which names the SHA-256 of every file. */
export async function listModelScope(http: HubHttp): Promise<RemoteSnapshot> {
  const { endpoint, revision } = http.settings;
  const base = `${endpoint}/api/v1/models/${http.context.hubName}`;
  const response = await http.fetch(
    `${base}/repo/files?Revision=${encodeURIComponent(revision)}&Recursive=true`,
  );
  const bad = (reason: string, cause?: unknown): EasyNlpError =>
    new EasyNlpError('HUB_BAD_RESPONSE', { ...http.details, reason }, { cause });
  let listing: Listing | null;
  try {
    listing = (await response.json()) as Listing | null;
  } catch (cause) {
    throw bad('the listing is not JSON', cause);
  }
  if (listing?.Code !== 200) throw bad(listing?.Message || 'the listing has no code 200');
  const listed = listing.Data?.Files;
  // An unknown revision is answered with HTTP 200 and no files.
  if (listed === null || listed === undefined) {
    throw new EasyNlpError('HUB_REVISION_NOT_FOUND', { ...http.details, revision });
  }
  if (!Array.isArray(listed)) throw bad('the listing has no list of files');
  const files: RemoteFile[] = [];
  for (const entry of listed as readonly ListedFile[]) {
    const path = assertSafeFileName(entry.Path, http.details);
    if (entry.Type !== 'blob') continue;
    const size = entry.Size ?? -1;
    if (!Number.isSafeInteger(size) || size < 0) throw bad(`the size of ${path} is missing or malformed`);
    const sha256 = entry.Sha256 || undefined;
    if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256))
      throw bad(`the SHA-256 of ${path} is malformed`);
    files.push({
      path,
      size,
      // Without a hash, a name that changes whenever the file does.
      blobId:
        sha256 ??
        createHash('sha256')
          .update(JSON.stringify([path, size, entry.Revision ?? revision]))
          .digest('hex'),
      check: sha256 === undefined ? undefined : { algorithm: 'sha256', hex: sha256 },
      url: `${base}/repo?Revision=${encodeURIComponent(revision)}&FilePath=${encodeURIComponent(path)}`,
    });
  }
  return { commit: contentId(files), files };
}

/** ModelScope does not name the commit of a listing reliably; the listing's own hash does the same service. */
function contentId(files: readonly RemoteFile[]): string {
  const hash = createHash('sha1');
  for (const file of [...files].sort((a, b) => (a.path < b.path ? -1 : 1)))
    hash.update(`${file.path}\0${file.blobId}\n`);
  return hash.digest('hex');
}
