import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { EasyNlpError } from '../../errors/index.js';
import type { HubSettings } from './settings.js';

/** What the errors of a conversation with a hub mention. */
export interface HttpContext {
  /** Name as the user wrote it. */
  readonly name: string;
  readonly hubName: string;
  readonly suggestions: readonly string[];
}

const MOST_REDIRECTS = 10;
/** Listings are small; a body beyond this is not one. */
const MOST_LISTING_BYTES = 64 * 2 ** 20;

/** True for addresses that only make sense inside one's own network. Names are not resolved. */
export function isPrivateHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (host === 'localhost' || host.endsWith('.localhost') || host.endsWith('.local')) return true;
  if (isIP(host) === 4)
    return /^(0|10|127|169\.254|172\.(1[6-9]|2\d|3[01])|192\.168|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\./.test(
      host,
    );
  if (isIP(host) === 6) return /^(::1?$|::ffff:|f[cd]|fe[89ab])/.test(host);
  return false;
}

/**
 * Decides whether a redirect may be followed: http(s) only, never from https to http, never from a public server into
 * a private network (a hostile hub must not make us call the cloud's metadata service).
 * @throws EasyNlpError HUB_UNSAFE_REDIRECT
 */
export function checkRedirect(from: URL, location: string): URL {
  const refuse = (reason: string): never => {
    throw new EasyNlpError('HUB_UNSAFE_REDIRECT', {
      from: from.origin + from.pathname,
      to: location,
      reason,
    });
  };
  let to: URL;
  try {
    to = new URL(location, from);
  } catch {
    return refuse('it is not an address');
  }
  if (to.protocol !== 'https:' && to.protocol !== 'http:') refuse('only http and https are allowed');
  if (from.protocol === 'https:' && to.protocol === 'http:') refuse('it leaves https for http');
  if (isPrivateHost(to.hostname) && !isPrivateHost(from.hostname)) refuse('it leads into a private network');
  return to;
}

/** The innermost reason of a failed fetch ("fetch failed" says nothing). */
export function networkReason(error: unknown): string {
  let inner: unknown = error;
  for (let depth = 0; depth < 5 && inner instanceof Error && inner.cause instanceof Error; depth++)
    inner = inner.cause;
  if (inner instanceof AggregateError && inner.errors[0] instanceof Error) inner = inner.errors[0];
  if (!(inner instanceof Error)) return String(inner);
  const code = (inner as NodeJS.ErrnoException).code;
  return code !== undefined && !inner.message.includes(code)
    ? `${inner.message} (${code})`
    : inner.message || inner.name;
}

/** A response whose body may still be arriving. */
export interface OpenResponse {
  readonly response: Response;
  /** Call at every chunk: silence longer than the time limit aborts the request. */
  readonly alive: () => void;
  /** Stops the clock and, when the body was not read to its end, the transfer. */
  readonly close: () => void;
}

/** The only door to the network: redirects, tokens, time limits, retries and errors are handled here. */
export class HubHttp {
  constructor(
    readonly settings: HubSettings,
    readonly context: HttpContext,
  ) {}

  get details(): { name: string; hubName: string; endpoint: string; source: string } {
    const { endpoint, source } = this.settings;
    return { name: this.context.name, hubName: this.context.hubName, endpoint, source };
  }

  /**
   * A `fetch` for @huggingface/hub and our own listings: the body is read here, with retries and a size limit, and
   * failures are EasyNlpErrors. Authorization headers of the caller are replaced by our own rules.
   */
  readonly fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const url = input instanceof Request ? input.url : String(input);
    return this.retrying(async () => {
      const open = await this.open(url, headersOf(init?.headers));
      try {
        const body = await readAll(open, this.details);
        return new Response(body, { status: open.response.status, headers: open.response.headers });
      } catch (error) {
        throw this.translate(error);
      } finally {
        open.close();
      }
    });
  };

  /** One request, redirects followed; answers other than 2xx are thrown. */
  async open(address: string, headers: Record<string, string> = {}): Promise<OpenResponse> {
    this.settings.signal?.throwIfAborted();
    const clock = new AbortController();
    let timer: NodeJS.Timeout;
    const alive = (): void => {
      clearTimeout(timer);
      timer = setTimeout(
        () => clock.abort(new Error(`no answer for ${this.settings.timeoutMs} ms`)),
        this.settings.timeoutMs,
      );
    };
    const close = (): void => {
      clearTimeout(timer);
      clock.abort();
    };
    const signals = [clock.signal, ...(this.settings.signal ? [this.settings.signal] : [])];
    alive();
    try {
      let url = new URL(address);
      for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
        const response = await fetch(url, {
          redirect: 'manual',
          signal: AbortSignal.any(signals),
          headers: { 'user-agent': 'easynlp', ...headers, ...this.credentials(url) },
        });
        const location = response.headers.get('location');
        if (response.status >= 300 && response.status < 400 && location !== null) {
          await response.body?.cancel();
          url = checkRedirect(url, location);
          continue;
        }
        if (!response.ok) throw await this.statusError(response);
        return { response, alive, close };
      }
      throw new EasyNlpError('HUB_BAD_RESPONSE', {
        ...this.details,
        reason: `more than ${MOST_REDIRECTS} redirects`,
      });
    } catch (error) {
      close();
      throw this.translate(error);
    }
  }

  /** Repeats on network failures and busy servers, with growing pauses. */
  async retrying<T>(action: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await action();
      } catch (error) {
        if (!isTransient(error) || attempt > this.settings.retries) throw withAttempts(error, attempt);
        await this.pause(attempt, error);
      }
    }
  }

  async pause(attempt: number, error?: unknown): Promise<void> {
    const asked = EasyNlpError.isInstance(error) ? Number(error.details.retryAfter) : Number.NaN;
    const wait =
      asked > 0
        ? Math.min(asked * 1000, 20_000)
        : Math.min(200 * 2 ** attempt, 5000) * (0.75 + Math.random() / 2);
    await sleep(wait, undefined, { signal: this.settings.signal }).catch(() =>
      this.settings.signal?.throwIfAborted(),
    );
  }

  /** Turns what fetch throws into our errors; the caller's own abort stays as it is. */
  translate(error: unknown): unknown {
    if (this.settings.signal?.aborted) return this.settings.signal.reason;
    if (EasyNlpError.isInstance(error)) return error;
    return new EasyNlpError(
      'HUB_NETWORK',
      { ...this.details, reason: networkReason(error) },
      { cause: error },
    );
  }

  /** The token goes to the endpoint's own origin and nowhere else. */
  private credentials(url: URL): Record<string, string> {
    const { token, endpoint, source } = this.settings;
    if (token === undefined || url.origin !== new URL(endpoint).origin) return {};
    const bearer = { authorization: `Bearer ${token}` };
    return source === 'modelscope'
      ? { ...bearer, cookie: `m_session_id=${encodeURIComponent(token)}` }
      : bearer;
  }

  private async statusError(response: Response): Promise<EasyNlpError> {
    const { status, headers } = response;
    const errorCode = headers.get('x-error-code') ?? '';
    const said = (headers.get('x-error-message') ?? (await shortText(response))).slice(0, 300);
    const tokenGiven = this.settings.token !== undefined;
    const { suggestions } = this.context;
    if (errorCode === 'RevisionNotFound') {
      return new EasyNlpError('HUB_REVISION_NOT_FOUND', {
        ...this.details,
        revision: this.settings.revision,
      });
    }
    if (errorCode === 'EntryNotFound') {
      return new EasyNlpError('HUB_BAD_RESPONSE', {
        ...this.details,
        status,
        reason: 'a listed file is missing',
      });
    }
    if (errorCode === 'GatedRepo' || status === 403) {
      const gated = errorCode === 'GatedRepo' || /gated|restricted/i.test(said);
      return new EasyNlpError('HUB_UNAUTHORIZED', {
        ...this.details,
        status,
        tokenGiven,
        gated,
        suggestions: [],
      });
    }
    // The Hugging Face hub answers 401, not 404, for names that do not exist, to hide private ones.
    const hidden =
      status === 401 && this.settings.source === 'huggingface' && !/invalid credentials/i.test(said);
    if (errorCode === 'RepoNotFound' || status === 404 || hidden) {
      const maybePrivate = this.settings.source === 'huggingface';
      return new EasyNlpError('HUB_MODEL_NOT_FOUND', {
        ...this.details,
        suggestions,
        maybePrivate,
        cwd: process.cwd(),
      });
    }
    if (status === 401) {
      return new EasyNlpError('HUB_UNAUTHORIZED', {
        ...this.details,
        status,
        tokenGiven,
        gated: false,
        suggestions,
      });
    }
    if (status === 408 || status === 429 || status >= 500) {
      const retryAfter = headers.get('retry-after');
      return new EasyNlpError('HUB_SERVER_ERROR', {
        ...this.details,
        status,
        reason: said,
        attempts: 1,
        retryAfter,
      });
    }
    return new EasyNlpError('HUB_BAD_RESPONSE', {
      ...this.details,
      status,
      reason: `HTTP ${status}${said ? `: ${said}` : ''}`,
    });
  }
}

export function isTransient(error: unknown): boolean {
  return (
    EasyNlpError.isInstance(error) && (error.code === 'HUB_NETWORK' || error.code === 'HUB_SERVER_ERROR')
  );
}

function withAttempts(error: unknown, attempts: number): unknown {
  if (!EasyNlpError.isInstance(error) || error.code !== 'HUB_SERVER_ERROR') return error;
  return new EasyNlpError(error.code, { ...error.details, attempts }, { cause: error.cause });
}

function headersOf(init: RequestInit['headers']): Record<string, string> {
  const headers = Object.fromEntries(new Headers(init).entries());
  delete headers.authorization;
  delete headers.cookie;
  return headers;
}

async function shortText(response: Response): Promise<string> {
  const type = response.headers.get('content-type') ?? '';
  const body = (await response.text().catch(() => '')).slice(0, 4096);
  if (!type.includes('json')) return type.startsWith('text/plain') ? body.trim() : '';
  try {
    const parsed = JSON.parse(body) as { error?: unknown; Message?: unknown } | null;
    return String(parsed?.error ?? parsed?.Message ?? '');
  } catch {
    return '';
  }
}

async function readAll(
  open: OpenResponse,
  details: Record<string, unknown>,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of open.response.body ?? []) {
    open.alive();
    size += chunk.byteLength;
    if (size > MOST_LISTING_BYTES) {
      throw new EasyNlpError('HUB_BAD_RESPONSE', {
        ...details,
        reason: `a listing of more than ${MOST_LISTING_BYTES} bytes`,
      });
    }
    chunks.push(chunk);
  }
  const all = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.byteLength;
  }
  return all;
}
