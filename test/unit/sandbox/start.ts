import { onTestFinished } from 'vitest';
import type { SandboxOptions } from '../../../src/sandbox/options.js';
import { type Sandbox, startSandbox } from '../../../src/sandbox/server.js';

/** A sandbox that is closed when the test is over. */
export async function start(options: SandboxOptions = {}): Promise<Sandbox> {
  const sandbox = await startSandbox(options);
  onTestFinished(() => sandbox.close());
  return sandbox;
}

export interface Sent {
  readonly contactId?: string;
  readonly subOrg?: string;
  readonly key?: string;
  /** A string goes as it is. */
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

/** One create through `fetch`; by default a good one. */
export function create(sandbox: Sandbox, sent: Sent = {}): Promise<Response> {
  const { contactId = 'C-1', body = { name: 'Call', text: 'Wants a quote' }, contentType = 'application/json', signal } = sent;
  return fetch(`${sandbox.url}/contacts/${encodeURIComponent(contactId)}/memories`, {
    method: 'POST',
    headers: { ...headersOf(sent), 'content-type': contentType },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    signal: signal ?? null,
  });
}

export function list(sandbox: Sandbox, sent: Sent & { query?: string } = {}): Promise<Response> {
  const { contactId = 'C-1', query = '' } = sent;
  return fetch(`${sandbox.url}/contacts/${encodeURIComponent(contactId)}/memories${query}`, { headers: headersOf(sent) });
}

export function remove(sandbox: Sandbox, id: string, sent: Sent = {}): Promise<Response> {
  return fetch(`${sandbox.url}/memories/${id}`, { method: 'DELETE', headers: headersOf(sent) });
}

/** The texts that a list shows, in its order. */
export async function listedTexts(sandbox: Sandbox, sent: Sent & { query?: string } = {}): Promise<string[]> {
  const answer = await list(sandbox, sent);
  const { data } = (await answer.json()) as { data: { text: string }[] };
  return data.map(({ text }) => text);
}

/** The code of the connection's end that `fetch` hides in its cause. */
export async function lossOf(answer: Promise<Response>): Promise<string | undefined> {
  try {
    const response = await answer;
    await response.text();
    return `answered ${response.status}`;
  } catch (error) {
    // `fetch` rejects with a TypeError whose cause is the socket's or undici's error.
    return ((error as Error).cause as { code?: string } | undefined)?.code;
  }
}

function headersOf({ key = 'sandbox-key', subOrg }: Sent): Record<string, string> {
  return { authorization: key, ...(subOrg === undefined ? {} : { 'x-sub-organization-id': subOrg }) };
}
