import { UserError } from '../errors.js';
import { isLoopback } from '../loopback.js';

/** What the environment says of proxies, for one base URL. `noProxy` is still to be obeyed. */
interface ProxySettings {
  readonly proxy: string;
  readonly noProxy: string;
}

/**
 * The proxy for requests to `baseUrl`: `https_proxy` or `http_proxy` by its scheme, in lower or upper case (lower wins, as
 * with curl). null: none is named, or the base URL is on this machine, where a proxy would never be meant.
 *
 * @throws UserError if the variable holds no URL of an HTTP proxy; the message doesn't repeat it, since it may hold a password
 */
export function proxySettings(baseUrl: URL, env: Readonly<Record<string, string | undefined>>): ProxySettings | null {
  if (isLoopback(baseUrl.hostname) || baseUrl.hostname.endsWith('.localhost')) return null;
  const lower = baseUrl.protocol === 'https:' ? 'https_proxy' : 'http_proxy';
  const variable = env[lower] ? lower : lower.toUpperCase();
  const value = env[variable]?.trim();
  if (!value) return null;
  const proxy = value.includes('://') ? value : `http://${value}`;
  if (!URL.canParse(proxy) || !/^https?:$/.test(new URL(proxy).protocol)) {
    throw new UserError(`${variable} must be the URL of an HTTP proxy, such as http://proxy.example:3128. Correct or unset it.`);
  }
  return { proxy, noProxy: env.no_proxy ?? env.NO_PROXY ?? '' };
}
