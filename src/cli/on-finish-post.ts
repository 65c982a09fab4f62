import { setTimeout as sleep } from 'node:timers/promises';
import { USER_AGENT } from '../version.js';
import type { Finished } from './on-finish-option.js';

export interface PostPatience {
  readonly timeoutMs: number;
  /** Before the second try, and before the third. */
  readonly pausesMs: readonly number[];
}

const PATIENCE: PostPatience = { timeoutMs: 10_000, pausesMs: [1000, 3000] };

/**
 * POSTs the summary, nothing else: the API key stays here, and a redirect isn't followed.
 * @returns null, or what went wrong, as the rest of a sentence; of the address it has no more than the host
 */
export async function postToAddress(
  url: URL,
  { summary, stopped }: Pick<Finished, 'summary' | 'stopped'>,
  { timeoutMs, pausesMs }: PostPatience = PATIENCE,
): Promise<string | null> {
  for (let attempt = 0; ; attempt++) {
    const { failure, mayPass } = await postOnce(url, JSON.stringify(summary), AbortSignal.any([stopped, AbortSignal.timeout(timeoutMs)]));
    if (failure === null) return null;
    const pauseMs = pausesMs[attempt];
    const told = `to ${url.host}: ${failure}`;
    if (stopped.aborted) return `to ${url.host}: given up, since the import was told to stop`;
    if (!mayPass) return told;
    if (pauseMs === undefined) return `${told}, ${attempt + 1} times`;
    await sleep(pauseMs, undefined, { signal: stopped }).catch(() => {});
  }
}

async function postOnce(
  url: URL,
  body: string,
  signal: AbortSignal,
): Promise<{ readonly failure: string | null; readonly mayPass: boolean }> {
  try {
    const headers = { 'content-type': 'application/json', 'user-agent': USER_AGENT };
    const response = await fetch(url, { method: 'POST', body, headers, redirect: 'manual', signal });
    await response.body?.cancel();
    const { ok, status } = response;
    if (ok) return { failure: null, mayPass: false };
    if (status >= 300 && status < 400) return { failure: `${status}, a redirect, which isn't followed`, mayPass: false };
    return { failure: `the answer was ${status}`, mayPass: status >= 500 || status === 429 || status === 408 };
  } catch (error) {
    return { failure: reasonOf(error), mayPass: true };
  }
}

/** Not fetch's own message, which is `fetch failed`, and may name the whole address. */
function reasonOf(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return 'no answer in time';
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : null;
  return code === null ? 'no answer could be had' : `no answer could be had (${code})`;
}
