/** Where models come from. */
export type HubSource = 'huggingface' | 'modelscope';

/** One report of a download; byte counts include what an earlier, interrupted run had already fetched. */
export interface HubProgress {
  readonly file: string;
  /** `waiting`: another process fetches this file; `cached`: it was here already. */
  readonly state: 'cached' | 'waiting' | 'downloading' | 'done';
  readonly receivedBytes: number;
  readonly totalBytes: number;
  readonly filesDone: number;
  readonly filesTotal: number;
  readonly allReceivedBytes: number;
  readonly allTotalBytes: number;
}

export interface ResolveModelOptions {
  /** Folder of the hub cache; default as Python's libraries choose it (HF_HUB_CACHE, HF_HOME; MODELSCOPE_CACHE). */
  cacheDir?: string;
  /** Branch, tag or full commit id; default `main` (ModelScope: `master`). */
  revision?: string;
  /** Use the cache only; default HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE. */
  offline?: boolean;
  /** Server to ask; default HF_ENDPOINT / MODELSCOPE_ENDPOINT, then the official ones. http(s) only. */
  endpoint?: string;
  /** Access token; default HF_TOKEN / MODELSCOPE_API_TOKEN. Sent to the endpoint's own origin only. */
  token?: string;
  /** Default EASYNLP_HUB, then `huggingface`. */
  source?: HubSource;
  /** Patterns of the files to fetch instead of the usual choice; `*` and `?` stay inside a folder, `**` does not. */
  files?: readonly string[];
  onProgress?: (progress: HubProgress) => void;
  /** Remarks for people, e.g. that the hub could not be reached and the cached copy is used. */
  onNotice?: (message: string) => void;
  signal?: AbortSignal;
  /** Longest silence of the server in milliseconds before a request is tried again; default 30,000. */
  timeoutMs?: number;
  /** Further attempts after a network failure or a 5xx answer; default 4. */
  retries?: number;
  /** Pause before the first further attempt, doubled before each next one; default 400. */
  retryPauseMs?: number;
}

/** How the bytes of a file are checked: `git` is the SHA-1 of a git blob (the hub's id of small files). */
export interface FileCheck {
  readonly algorithm: 'sha256' | 'git';
  readonly hex: string;
}

/** A file that a hub offers. */
export interface RemoteFile {
  /** Path inside the repository, '/'-separated, already checked by {@link assertSafeFileName}. */
  readonly path: string;
  readonly size: number;
  /** File name under `blobs/`: the ETag, as in Python's cache. */
  readonly blobId: string;
  readonly check: FileCheck | undefined;
  readonly url: string;
}

/** One revision of a repository. */
export interface RemoteSnapshot {
  readonly commit: string;
  readonly files: readonly RemoteFile[];
}
