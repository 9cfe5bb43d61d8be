import { setTimeout as sleep } from 'node:timers/promises';
import { EasyNlpError } from '../../errors/index.js';
import { checkRedirect } from './redirects.js';
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

/** Node's fetch uses a proxy of the environment only when told to (Node 24), unlike curl and Python. */
function proxyIgnored(): boolean {
  const { HTTPS_PROXY, https_proxy, HTTP_PROXY, http_proxy, NODE_USE_ENV_PROXY } = process.env;
  return Boolean(HTTPS_PROXY || https_proxy || HTTP_PROXY || http_proxy) && NODE_USE_ENV_PROXY !== '1';
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
    const pause = Math.min(this.settings.retryPauseMs * 2 ** (attempt - 1), 10_000);
    // Spread, so that many processes do not come back at the same moment.
    const wait = asked > 0 ? Math.min(asked * 1000, 20_000) : pause * (0.75 + Math.random() / 2);
    await sleep(wait, undefined, { signal: this.settings.signal }).catch(() =>
      this.settings.signal?.throwIfAborted(),
    );
  }

  /** Turns what fetch throws into our errors; the caller's own abort stays as it is. */
  translate(error: unknown): unknown {
    if (this.settings.signal?.aborted) return this.settings.signal.reason;
    if (EasyNlpError.isInstance(error)) return error;
    const details = { ...this.details, reason: networkReason(error), proxyIgnored: proxyIgnored() };
    return new EasyNlpError('HUB_NETWORK', details, { cause: error });
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
