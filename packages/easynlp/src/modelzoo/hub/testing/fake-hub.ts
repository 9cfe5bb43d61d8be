import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/*
 * A server on 127.0.0.1 that speaks as much of the protocols of huggingface.co and modelscope.cn as a download uses,
 * and that misbehaves on demand. Big files ("lfs") are served by a second server, the "CDN", through a redirect, as
 * the real hub does. For tests only.
 */

export interface FakeRepository {
  files: Record<string, string | Buffer>;
  /** Paths served as large files: SHA-256 ids, redirect to the CDN. */
  lfs?: readonly string[];
  /** Owner must grant access: 403 GatedRepo. */
  gated?: boolean;
  /** Hidden from everyone without this token: 401 as for a name that does not exist. */
  privateToken?: string;
  /** Branches and tags; default `main` and `master`. */
  branches?: readonly string[];
  /** Further entries of the listing, as they are (hostile names…). */
  extraEntries?: readonly Record<string, unknown>[];
  /** Changes the listing before it is sent. */
  alterEntry?: (entry: Record<string, unknown>) => Record<string, unknown>;
  /** Old name that redirects here. */
  formerName?: string;
}

export type Fault =
  | { kind: 'status'; status: number; headers?: Record<string, string>; body?: string }
  | { kind: 'redirect'; to: string }
  /** Sends so many bytes of the body and breaks the connection. */
  | { kind: 'truncate'; after: number }
  /** Sends so many bytes and then nothing any more, the connection open. */
  | { kind: 'stall'; after: number }
  | { kind: 'slow'; chunk: number; pauseMs: number }
  | { kind: 'flip' }
  | { kind: 'tail'; extra: number }
  | { kind: 'ignore-range' }
  | { kind: 'wrong-range' }
  | { kind: 'body'; body: string; type?: string };

export interface LoggedRequest {
  readonly server: 'hub' | 'cdn';
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
}

const hex = (algorithm: string, ...parts: (string | Buffer)[]): string => {
  const hash = createHash(algorithm);
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

export const gitId = (content: Buffer): string => hex('sha1', `blob ${content.length}\0`, content);
export const sha256 = (content: Buffer): string => hex('sha256', content);

export class FakeHub {
  readonly requests: LoggedRequest[] = [];
  /** Asked at every request; what it returns happens instead of (or to) the right answer. */
  fault: (request: LoggedRequest) => Fault | undefined = () => undefined;
  private readonly hub: Server;
  private readonly cdn: Server;

  private constructor(readonly repositories: Record<string, FakeRepository>) {
    this.hub = createServer((request, response) => void this.answer('hub', request, response));
    this.cdn = createServer((request, response) => void this.answer('cdn', request, response));
  }

  static async start(repositories: Record<string, FakeRepository>): Promise<FakeHub> {
    const fake = new FakeHub(repositories);
    await Promise.all(
      [fake.hub, fake.cdn].map((server) => new Promise<void>((done) => server.listen(0, '127.0.0.1', done))),
    );
    return fake;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.hub.address() as AddressInfo).port}`;
  }

  get cdnUrl(): string {
    return `http://127.0.0.1:${(this.cdn.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const server of [this.hub, this.cdn]) {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    }
  }

  commitOf(name: string): string {
    const repository = this.repositories[name]!;
    return hex('sha1', name, ...Object.entries(repository.files).flat());
  }

  /** Requests for file contents, without listings. */
  contentRequests(): LoggedRequest[] {
    return this.requests.filter(({ url }) => /\/resolve\/|^\/cdn\/|\/repo\?/.test(url));
  }

  private async answer(
    server: 'hub' | 'cdn',
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const logged = { server, method: request.method ?? '', url: request.url ?? '', headers: request.headers };
    this.requests.push(logged);
    const fault = this.fault(logged);
    if (fault?.kind === 'status') return end(response, fault.status, fault.body ?? '', fault.headers);
    if (fault?.kind === 'redirect') return end(response, 302, '', { location: fault.to });
    if (fault?.kind === 'body') {
      return end(response, 200, fault.body, { 'content-type': fault.type ?? 'application/json' });
    }
    const url = new URL(logged.url, 'http://fake');
    const path = url.pathname;
    if (server === 'cdn') {
      return this.content(decodeURIComponent(path.slice('/cdn/'.length)), request, response, fault);
    }
    const modelscope = /^\/api\/v1\/models\/([^/]+\/[^/]+)\/(repo\/files|repo)$/.exec(path);
    if (modelscope) return this.modelScope(modelscope[1]!, modelscope[2]!, url, request, response, fault);
    const info = /^\/api\/models\/(.+)\/revision\/([^/]+)$/.exec(path);
    const tree = /^\/api\/models\/(.+)\/tree\/([^/]+)$/.exec(path);
    const file = /^\/(.+?)\/resolve\/([^/]+)\/(.+)$/.exec(path);
    // Decoded only now: a tag may contain a slash, which arrives as %2F.
    const [, name = '', revision = '', rest = ''] = (info ?? tree ?? file ?? []).map(decodeURIComponent);
    const renamed = Object.keys(this.repositories).find((key) => this.repositories[key]!.formerName === name);
    if (renamed) return end(response, 307, '', { location: logged.url.replace(name, renamed) });
    const repository = this.repositories[name];
    const authorized = request.headers.authorization === `Bearer ${repository?.privateToken}`;
    if (repository === undefined || (repository.privateToken !== undefined && !authorized)) {
      if (request.headers.authorization === 'Bearer hf_wrong') {
        return end(response, 401, '', { 'x-error-message': 'Invalid credentials in Authorization header' });
      }
      return end(response, 401, '', { 'x-error-message': 'Invalid username or password.' });
    }
    const commit = this.commitOf(name);
    if (revision !== commit && !(repository.branches ?? ['main', 'master']).includes(revision)) {
      return end(response, 404, '', {
        'x-error-code': 'RevisionNotFound',
        'x-error-message': 'Invalid rev id',
      });
    }
    if (info) return json(response, { _id: 'x', id: name, sha: commit, private: false, gated: false });
    if (repository.gated && !authorized) {
      return end(response, 403, '', {
        'x-error-code': 'GatedRepo',
        'x-error-message': 'Access is restricted',
      });
    }
    if (tree) return json(response, this.tree(repository));
    if (!Object.hasOwn(repository.files, rest))
      return end(response, 404, '', { 'x-error-code': 'EntryNotFound' });
    const content = Buffer.from(repository.files[rest]!);
    const headers = { 'x-repo-commit': commit, etag: `"${gitId(content)}"` };
    if (repository.lfs?.includes(rest)) {
      return end(response, 302, '', {
        ...headers,
        location: `${this.cdnUrl}/cdn/${encodeURIComponent(`${name}:${rest}`)}?signature=x`,
        'x-linked-etag': `"${sha256(content)}"`,
        'x-linked-size': String(content.length),
      });
    }
    return this.content(`${name}:${rest}`, request, response, fault, headers);
  }

  private tree(repository: FakeRepository): Record<string, unknown>[] {
    const entries = Object.entries(repository.files).map(([path, text]) => {
      const content = Buffer.from(text);
      const entry: Record<string, unknown> = {
        type: 'file',
        path,
        size: content.length,
        oid: gitId(content),
      };
      if (repository.lfs?.includes(path)) {
        entry.lfs = { oid: sha256(content), size: content.length, pointerSize: 134 };
      }
      return repository.alterEntry?.(entry) ?? entry;
    });
    return [...entries, ...(repository.extraEntries ?? [])];
  }

  private async modelScope(
    name: string,
    what: string,
    url: URL,
    request: IncomingMessage,
    response: ServerResponse,
    fault: Fault | undefined,
  ): Promise<void> {
    const repository = this.repositories[name];
    if (repository === undefined) {
      return json(response, { Code: 10010205001, Message: 'record not found', Success: false }, 404);
    }
    if (what === 'repo') {
      const path = url.searchParams.get('FilePath') ?? '';
      return this.content(`${name}:${path}`, request, response, fault);
    }
    const known = (repository.branches ?? ['main', 'master']).includes(
      url.searchParams.get('Revision') ?? 'master',
    );
    const Files = Object.entries(repository.files).map(([Path, text]) => {
      const content = Buffer.from(text);
      return { Type: 'blob', Path, Size: content.length, Sha256: sha256(content), Revision: 'deadbeef' };
    });
    const all = [...Files, ...(repository.extraEntries ?? [])];
    return json(response, {
      Code: 200,
      Data: { Files: known ? all : null },
      Message: 'success',
      Success: true,
    });
  }

  /** The bytes of `<repository>:<path>`, ranges and faults included. */
  private async content(
    key: string,
    request: IncomingMessage,
    response: ServerResponse,
    fault: Fault | undefined,
    headers: Record<string, string> = {},
  ): Promise<void> {
    const colon = key.indexOf(':');
    const stored = this.repositories[key.slice(0, colon)]?.files[key.slice(colon + 1)];
    if (stored === undefined) return end(response, 404, '');
    let content = Buffer.from(stored);
    if (fault?.kind === 'flip') content[0] = content[0]! ^ 0xff;
    if (fault?.kind === 'tail') content = Buffer.concat([content, Buffer.alloc(fault.extra)]);
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    let start = 0;
    if (range && fault?.kind !== 'ignore-range') {
      start = Number(range[1]) + (fault?.kind === 'wrong-range' ? 1 : 0);
      if (start >= content.length)
        return end(response, 416, '', { 'content-range': `bytes */${content.length}` });
      headers = { ...headers, 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` };
    }
    const body = content.subarray(start);
    response.writeHead(headers['content-range'] ? 206 : 200, { ...headers, 'content-length': body.length });
    response.flushHeaders();
    if (fault?.kind === 'truncate' || fault?.kind === 'stall') {
      await new Promise((done) => response.write(body.subarray(0, fault.after), done));
      if (fault.kind === 'truncate') setTimeout(() => response.destroy(), 20);
      return;
    }
    if (fault?.kind === 'slow') {
      for (let at = 0; at < body.length && !response.destroyed; at += fault.chunk) {
        response.write(body.subarray(at, at + fault.chunk));
        await new Promise((done) => setTimeout(done, fault.pauseMs));
      }
      response.end();
      return;
    }
    response.end(body);
  }
}

function end(
  response: ServerResponse,
  status: number,
  body: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

function json(response: ServerResponse, value: unknown, status = 200): void {
  end(response, status, JSON.stringify(value), { 'content-type': 'application/json' });
}
