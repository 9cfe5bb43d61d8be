import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { getHFHubCachePath } from '@huggingface/hub';
import { EasyNlpError } from '../../errors/index.js';
import type { HubSource, ResolveModelOptions } from './types.js';

export const OFFICIAL_ENDPOINT = {
  huggingface: 'https://huggingface.co',
  modelscope: 'https://modelscope.cn',
} as const;

/** Options and environment variables, resolved and checked. */
export interface HubSettings {
  readonly source: HubSource;
  /** Without a slash at the end. */
  readonly endpoint: string;
  readonly cacheDir: string;
  readonly revision: string;
  readonly token: string | undefined;
  readonly offline: boolean;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly retryPauseMs: number;
  readonly signal: AbortSignal | undefined;
}

const variable = (name: string): string | undefined => process.env[name]?.trim() || undefined;

const isTrue = (value: string | undefined): boolean => /^(1|true|yes|on)$/i.test(value ?? '');

const expandHome = (path: string): string => (/^~(?=$|[/\\])/.test(path) ? homedir() + path.slice(1) : path);

/**
 * Checks an endpoint and takes the slash off its end.
 * @throws EasyNlpError HUB_ENDPOINT_INVALID
 */
export function checkEndpoint(endpoint: string, from: string): string {
  const refuse = (reason: string): never => {
    throw new EasyNlpError('HUB_ENDPOINT_INVALID', { endpoint, from, reason });
  };
  let url: URL;
  try {
    url = new URL(endpoint);
  } catch {
    return refuse('it is not an address');
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') refuse('only http:// and https:// are allowed');
  if (url.username !== '' || url.password !== '') refuse('it contains a user name or password');
  if (url.search !== '' || url.hash !== '') refuse('it contains a query or fragment');
  return url.origin + url.pathname.replace(/\/+$/, '');
}

/** The token that `huggingface-cli login` stores; as Python does, but for the official server only. */
function storedToken(endpoint: string): string | undefined {
  if (endpoint !== OFFICIAL_ENDPOINT.huggingface || isTrue(variable('HF_HUB_DISABLE_IMPLICIT_TOKEN')))
    return undefined;
  const home =
    variable('HF_HOME') ?? join(variable('XDG_CACHE_HOME') ?? join(homedir(), '.cache'), 'huggingface');
  try {
    return (
      readFileSync(expandHome(variable('HF_TOKEN_PATH') ?? join(home, 'token')), 'utf8').trim() || undefined
    );
  } catch {
    return undefined;
  }
}

function chooseSource(option: HubSource | undefined): HubSource {
  const source = option ?? variable('EASYNLP_HUB') ?? 'huggingface';
  if (source === 'huggingface' || source === 'modelscope') return source;
  throw new EasyNlpError('HUB_ENDPOINT_INVALID', {
    endpoint: source,
    from: option === undefined ? 'EASYNLP_HUB' : 'the option source',
    reason: 'the source is "huggingface" or "modelscope"',
  });
}

/**
 * Merges options with the environment; options win.
 * @throws EasyNlpError HUB_ENDPOINT_INVALID
 */
export function readSettings(options: ResolveModelOptions): HubSettings {
  const source = chooseSource(options.source);
  const name = source === 'modelscope' ? 'MODELSCOPE_ENDPOINT' : 'HF_ENDPOINT';
  const given = options.endpoint ?? variable(name);
  const endpoint =
    given === undefined
      ? OFFICIAL_ENDPOINT[source]
      : checkEndpoint(given, options.endpoint === undefined ? name : 'the option endpoint');
  const token =
    source === 'modelscope'
      ? variable('MODELSCOPE_API_TOKEN')
      : (variable('HF_TOKEN') ?? variable('HUGGING_FACE_HUB_TOKEN') ?? storedToken(endpoint));
  const defaultCache =
    source === 'modelscope'
      ? (variable('MODELSCOPE_CACHE') ?? join(homedir(), '.cache', 'modelscope', 'hub'))
      : getHFHubCachePath();
  const seconds = Number(variable('HF_HUB_DOWNLOAD_TIMEOUT'));
  return {
    source,
    endpoint,
    cacheDir: resolve(expandHome(options.cacheDir ?? defaultCache)),
    revision: options.revision ?? (source === 'modelscope' ? 'master' : 'main'),
    token: options.token ?? token,
    offline:
      options.offline ?? (isTrue(variable('HF_HUB_OFFLINE')) || isTrue(variable('TRANSFORMERS_OFFLINE'))),
    timeoutMs: options.timeoutMs ?? (seconds > 0 ? seconds * 1000 : 30_000),
    retries: options.retries ?? 4,
    retryPauseMs: options.retryPauseMs ?? 400,
    signal: options.signal,
  };
}
