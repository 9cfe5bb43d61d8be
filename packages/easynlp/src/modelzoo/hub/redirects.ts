import { isIP } from 'node:net';
import { EasyNlpError } from '../../errors/index.js';

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
