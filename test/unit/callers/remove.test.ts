import { afterEach, describe, expect, it } from 'vitest';
import { classifyList, type Exchange } from '../../../src/callers/classify.js';
import { classifyRemove } from '../../../src/callers/classify-remove.js';
import { createRedactor } from '../../../src/redact.js';
import { clientOf, KEY, startHttp } from './stub-server.js';

const SECRET = 'sk-secret';
const error = (message: string) => JSON.stringify({ status: 'error', message });
const success = JSON.stringify({ status: 'success', data: { id: 'm-1' } });
const PAGE = '<html><title>Welcome</title></html>';

function answered(status: number, body: string | null, rest: Partial<Extract<Exchange, { kind: 'answered' }>> = {}): Exchange {
  return { kind: 'answered', status, headers: {}, body, bodyEnd: 'complete', receivedAt: 0, ...rest };
}

describe('the verdict on a delete', () => {
  it.each<[string, Exchange, object]>([
    ['200 with the API\u2019s yes', answered(200, success), { kind: 'deleted' }],
    ['204', answered(204, ''), { kind: 'deleted' }],
    ['200 with a page', answered(200, PAGE), { kind: 'failed', sent: true }],
    ['200 with the API\u2019s no', answered(200, error('no')), { kind: 'failed', sent: true }],
    ['200 that is cut off', answered(200, success.slice(0, 20), { bodyEnd: 'cut_off' }), { kind: 'failed', sent: true }],
    ['200 without a body', answered(200, ''), { kind: 'failed', sent: true }],
    ['201', answered(201, success), { kind: 'failed', sent: true }],
    ['404 of the API', answered(404, error('no such memory')), { kind: 'gone', message: 'no such memory' }],
    ['404 of somebody else', answered(404, PAGE), { kind: 'refused', fromApi: false }],
    ['403 of the API', answered(403, error('not yours')), { kind: 'refused', fromApi: true, message: 'not yours' }],
    ['405', answered(405, error('no DELETE')), { kind: 'refused', fromApi: true }],
    ['a redirect', answered(302, ''), { kind: 'refused', fromApi: false }],
    ['401', answered(401, error(`no key ${SECRET}`)), { kind: 'unauthorized', message: 'no key ***' }],
    ['429', answered(429, '', { headers: { 'retry-after': '2' } }), { kind: 'rate_limited', retryAfterMs: 2000 }],
    ['503 with Retry-After', answered(503, '', { headers: { 'retry-after': '2' } }), { kind: 'rate_limited', retryAfterMs: 2000 }],
    ['503', answered(503, PAGE), { kind: 'failed', sent: true }],
    ['500', answered(500, error('oops')), { kind: 'failed', sent: true, message: 'oops' }],
    ['408', answered(408, ''), { kind: 'failed', sent: true }],
    ['a reset', { kind: 'failed', sent: true, code: 'ECONNRESET', message: 'reset' }, { kind: 'failed', sent: true, message: 'reset' }],
    ['no connection', { kind: 'failed', sent: false, code: 'ECONNREFUSED', message: 'refused' }, { kind: 'failed', sent: false }],
  ])('%s', (_name, exchange, verdict) => {
    expect(classifyRemove(exchange, createRedactor([SECRET], '***'))).toMatchObject(verdict);
  });
});

describe('a list that is refused', () => {
  it.each([
    [404, error('no such contact'), 'api'],
    [403, error('not yours'), 'api'],
    [404, PAGE, 'stranger'],
    [302, '', 'stranger'],
    [407, error('log in'), 'stranger'],
    [500, error('oops'), undefined],
    [408, '', undefined],
  ])('%i %j is refused by: %s', (status, body, refusedBy) => {
    const verdict = classifyList(answered(status, body));
    expect(verdict.kind === 'unlisted' ? verdict.refusedBy : 'listed').toBe(refusedBy);
  });
});

describe('a delete', () => {
  const cleanUps: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  });

  it('names the memory as one segment of the path, with key and sub organization, and sends no body', async () => {
    const server = await startHttp((_, response) => response.writeHead(200).end(success));
    const client = clientOf(new URL('/v1', server.url), {});
    cleanUps.push(server.stop, client.close);
    const answer = await client.remove({ contactId: 'c-1', subOrg: 'org 7', memoryId: 'a/b?c' });
    expect(answer).toMatchObject({ kind: 'deleted', status: 200 });
    await client.remove({ contactId: 'c-1', subOrg: null, memoryId: 'm-2' });
    expect(server.seen).toMatchObject([
      { method: 'DELETE', url: '/v1/memories/a%2Fb%3Fc', body: '', headers: { authorization: KEY, 'x-sub-organization-id': 'org 7' } },
      { method: 'DELETE', url: '/v1/memories/m-2' },
    ]);
    expect(server.seen[1]?.headers).not.toHaveProperty('x-sub-organization-id');
  });

  it.each(['', '.', '..', '\ud800'])('of the id %j, which would name something else, is not sent', async (memoryId) => {
    const server = await startHttp((_, response) => response.writeHead(200).end(success));
    const client = clientOf(server.url, {});
    cleanUps.push(server.stop, client.close);
    expect(await client.remove({ contactId: 'c-1', subOrg: null, memoryId })).toMatchObject({
      kind: 'refused',
      fromApi: false,
      status: null,
    });
    expect(server.seen).toEqual([]);
  });
});
