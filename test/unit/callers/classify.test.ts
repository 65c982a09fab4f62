import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classifyCreate, classifyList, type Exchange } from '../../../src/callers/classify.js';

const apiError = (message: string, data?: unknown) => JSON.stringify({ status: 'error', message, data });
const PAGE = '<!DOCTYPE html><html><head><title>502\n Bad Gateway</title><style>b{}</style></head><body>nginx</body></html>';

function answered(status: number, body: string | null = '', rest: Partial<Extract<Exchange, { kind: 'answered' }>> = {}): Exchange {
  return { kind: 'answered', status, headers: {}, body, bodyEnd: 'complete', receivedAt: Date.UTC(2026, 10, 23), ...rest };
}

const failed = (sent: boolean): Exchange => ({ kind: 'failed', sent, code: 'ECONNRESET', message: 'reset' });
const create = (status: number, body?: string | null, headers = {}) => classifyCreate(answered(status, body, { headers }));

/** Every answer and every failure there can be, bodies of the API among them. */
const exchanges = fc.oneof(
  fc.record({
    kind: fc.constant('answered' as const),
    status: fc.oneof(
      fc.integer({ min: 100, max: 599 }),
      fc.integer({ min: 600, max: 999 }),
      fc.constantFrom(200, 201, 400, 401, 404, 429, 503),
    ),
    headers: fc.dictionary(
      fc.constantFrom('retry-after', 'location', 'date', 'ratelimit', 'x-ratelimit-reset', 'link'),
      fc.oneof(fc.string(), fc.nat().map(String), fc.array(fc.string())),
    ),
    body: fc.oneof(
      fc.string(),
      fc.constant(null),
      fc.json(),
      fc.string().map((text) => apiError(text)),
      fc.anything().map((data) => JSON.stringify({ status: 'success', data: typeof data === 'bigint' ? null : safe(data) })),
      fc.constant(PAGE),
    ),
    bodyEnd: fc.constantFrom('complete' as const, 'cut_off' as const, 'too_long' as const),
    receivedAt: fc.date({ noInvalidDate: true }).map(Number),
  }),
  fc.record({ kind: fc.constant('failed' as const), sent: fc.boolean(), code: fc.string(), message: fc.string() }),
);

function safe(value: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(value) ?? 'null');
  } catch {
    return null;
  }
}

describe('the verdict on a create', () => {
  it('is exactly one for every exchange, and says "not created" only where that is certain', () => {
    fc.assert(
      fc.property(exchanges, (exchange) => {
        const verdict = classifyCreate(exchange);
        if (exchange.kind === 'failed') {
          expect(verdict.kind).toBe(exchange.sent ? 'doubt' : 'not_sent');
          return;
        }
        const { status } = exchange;
        const definite = status === 429 || (status >= 300 && status < 500 && status !== 408);
        if (status === 201) expect(verdict.kind).toBe('created');
        else if (status === 401) expect(verdict.kind).toBe('unauthorized');
        else if (status === 429) expect(verdict.kind).toBe('rate_limited');
        else if (definite) expect(verdict).toMatchObject({ kind: 'refused', status });
        else if (verdict.kind === 'rate_limited') expect([status, exchange.headers['retry-after']]).toEqual([503, expect.anything()]);
        else expect(verdict).toMatchObject({ kind: 'doubt', class: 'server_error', status });
        if (verdict.kind !== 'created') expect(verdict.message.length).toBeLessThanOrEqual(1000);
      }),
      { numRuns: 2000 },
    );
  });

  it('every status from 100 to 599 has one', () => {
    const kinds = new Map<string, number>();
    for (let status = 100; status < 600; status++) {
      const { kind } = create(status);
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
    // 3xx and 4xx without 401, 408, 429 are refused; 1xx, 2xx without 201, 408, 5xx are doubt.
    expect(Object.fromEntries(kinds)).toEqual({ created: 1, unauthorized: 1, rate_limited: 1, refused: 197, doubt: 300 });
  });

  it.each([
    [
      '{"status":"success","data":{"id":"m-1","createdAt":"2026-11-23T03:07:49Z"}}',
      { id: 'm-1', createdAt: '2026-11-23T03:07:49Z', contactId: null },
    ],
    ['\ufeff{"data":{"id":"m-1","contactId":"c-1"}}', { id: 'm-1', createdAt: null, contactId: 'c-1' }],
    ['{"data":{"id":17}}', { id: '17', createdAt: null, contactId: null }],
    // Rounded by JSON.parse: it would be another memory's id.
    ['{"data":{"id":12345678901234567890}}', null],
    ['{"data":{"id":""}}', null],
    ['{"data":{"id":{}}}', null],
    ['{"data":[]}', null],
    ['{"data":{"id":"m-1"', null],
    ['null', null],
    [PAGE, null],
    ['', null],
    [null, null],
  ])('a 201 is created whatever its body: %j', (body, memory) => {
    expect(create(201, body)).toEqual({ kind: 'created', memory });
  });

  it("400 and 404 with the API's own JSON carry its message and its data", () => {
    const data = [{ field: 'text', rule: 'maxLength' }];
    expect(create(400, apiError('text is too long', data))).toEqual({
      kind: 'refused',
      class: 'bad_request',
      status: 400,
      message: 'text is too long',
      details: data,
      fromApi: true,
    });
    expect(create(404, apiError('no such contact'))).toMatchObject({ class: 'not_found', details: null, fromApi: true });
  });

  it('data nested without end is cut, not thrown over', () => {
    const nested = `{"status":"error","message":"no","data":${'['.repeat(30_000)}${']'.repeat(30_000)}}`;
    const verdict = create(400, nested);
    expect(verdict).toMatchObject({ kind: 'refused', class: 'bad_request' });
    expect(JSON.stringify(verdict)).toContain(`${'['.repeat(20)}"…"`);
    expect(create(201, nested)).toEqual({ kind: 'created', memory: null });
    expect(classifyList(answered(200, nested.replace('error', 'success')))).toMatchObject({ kind: 'unlisted' });
  });

  it.each([
    [400, PAGE],
    [404, PAGE],
    [404, ''],
    [404, '{"message":"no Route matched"}'],
    [404, '{"status":"error","message":7}'],
    [404, '{"status":"error","mess'],
    [302, apiError('moved')],
    [407, apiError('credentials')],
    [405, ''],
  ])("%i that isn't the API's own is rejected: %j", (status, body) => {
    expect(create(status, body)).toMatchObject({ kind: 'refused', class: 'rejected', status, fromApi: false });
  });

  it('402, 405, 409, 410, 413, 415 and 422 are rejected, with fromApi by their bodies', () => {
    for (const status of [402, 405, 409, 410, 413, 415, 422]) {
      expect(create(status, apiError('no'))).toMatchObject({ class: 'rejected', message: 'no', fromApi: true });
      expect(create(status)).toMatchObject({ class: 'rejected', fromApi: false });
    }
  });

  it('403 is forbidden whoever says so', () => {
    expect(create(403, apiError('not your sub organization'))).toMatchObject({ class: 'forbidden', fromApi: true });
    expect(create(403, PAGE)).toMatchObject({ class: 'forbidden', fromApi: false });
  });

  it('a 503 is a promise only with a Retry-After that can be read', () => {
    expect(create(503, '', { 'retry-after': '2' })).toMatchObject({ kind: 'rate_limited', status: 503, retryAfterMs: 2_000 });
    expect(create(503, '', { 'retry-after': 'later' })).toMatchObject({ kind: 'doubt', status: 503 });
    expect(create(503, '', { 'ratelimit-reset': '2' })).toMatchObject({ kind: 'doubt', status: 503 });
    expect(create(503)).toMatchObject({ kind: 'doubt', status: 503 });
    expect(create(500, '', { 'retry-after': '2' })).toMatchObject({ kind: 'doubt', status: 500 });
  });

  it('a 429 without any hint leaves the wait open', () => {
    expect(create(429)).toMatchObject({ kind: 'rate_limited', retryAfterMs: null, message: '429 Too Many Requests' });
  });
});

describe('the message', () => {
  const message = (status: number, body: string, headers = {}) => {
    const verdict = create(status, body, headers);
    return 'message' in verdict ? verdict.message : null;
  };

  it('is the status line where nothing else is known', () => {
    expect(message(500, '')).toBe('500 Internal Server Error');
    expect(message(599, '')).toBe('599');
  });

  it("is a page's title, or its text without tags", () => {
    expect(message(502, PAGE)).toBe('502 Bad Gateway: 502 Bad Gateway');
    expect(message(504, '<style>p{color:red}</style><p>The  server\n<b>sleeps</b></p>')).toBe('504 Gateway Timeout: The server sleeps');
    expect(message(500, 'upstream\u0000\u001b[31m gone')).toBe('500 Internal Server Error: upstream [31m gone');
  });

  it('is bounded, and never ends in half a character', () => {
    const long = message(400, apiError('😀'.repeat(5_000))) ?? '';
    expect(long.length).toBeLessThanOrEqual(1000);
    expect(long.isWellFormed()).toBe(true);
    expect(long.endsWith('😀…')).toBe(true);
    expect((message(500, 'x'.repeat(60_000)) ?? '').length).toBeLessThan(400);
  });

  it('is found quickly in a page made to be slow', () => {
    const startedAt = performance.now();
    for (const part of ['<title', '<', '<style', '<!--', ' \n']) message(500, part.repeat(64_000 / part.length));
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  it('names where a redirect pointed, without what may be secret', () => {
    expect(message(302, '', { location: 'https://user:pw@login.example/sso?token=abc#frag' })).toBe(
      "302 Found: points to https://login.example/sso; redirects aren't followed, check --base-url",
    );
    expect(message(301, '', { location: '/v2/contacts' })).toContain('points to /v2/contacts;');
    expect(message(308, '', { location: 'http://[' })).toBe("308 Permanent Redirect; redirects aren't followed, check --base-url");
  });
});

describe('the verdict on a list', () => {
  const list = (status: number, body: string | null, rest: Parameters<typeof answered>[2] = {}) =>
    classifyList(answered(status, body, rest));
  const bodyOf = (...data: unknown[]) => JSON.stringify({ status: 'success', data });
  const memory = { id: 'm-1', name: 'A', text: 'B', status: 'ACTUAL', createdAt: '2026-11-23T03:07:49.000Z' };

  it('is a list, an error or no list for every exchange; only a whole 200 is a list', () => {
    fc.assert(
      fc.property(exchanges, (exchange) => {
        const verdict = classifyList(exchange);
        if (verdict.kind === 'listed') expect(exchange).toMatchObject({ status: 200, bodyEnd: 'complete' });
        else expect(verdict.message.length).toBeLessThanOrEqual(1000);
        if (exchange.kind === 'failed') expect(verdict).toMatchObject({ kind: 'unlisted', outage: true });
      }),
      { numRuns: 2000 },
    );
  });

  it('keeps memories of every status, with it and their times', () => {
    const others = [
      { ...memory, id: 2, status: 'DELETED', createdAt: null },
      { ...memory, id: 3, status: 7, createdAt: null },
    ];
    expect(list(200, bodyOf(memory, ...others))).toEqual({
      kind: 'listed',
      memories: [
        {
          id: 'm-1',
          name: 'A',
          text: 'B',
          status: 'ACTUAL',
          createdAt: Date.UTC(2026, 10, 23, 3, 7, 49),
          createdAtText: '2026-11-23T03:07:49.000Z',
        },
        { id: '2', name: 'A', text: 'B', status: 'DELETED', createdAt: null, createdAtText: null },
        { id: '3', name: 'A', text: 'B', status: null, createdAt: null, createdAtText: null },
      ],
    });
    expect(list(200, bodyOf())).toEqual({ kind: 'listed', memories: [] });
  });

  it.each([
    ['2026-11-23T03:07:49', Date.UTC(2026, 10, 23, 3, 7, 49)],
    ['2026-11-23 03:07:49.5', Date.UTC(2026, 10, 23, 3, 7, 49, 500)],
    ['2026-11-23T03:07:49+02:00', Date.UTC(2026, 10, 23, 1, 7, 49)],
    [1795403269000, 1795403269000],
    [1795403269, 1795403269000],
    ['last week', null],
    [{}, null],
  ])('a createdAt of %j is %j, whatever the zone of this machine', (createdAt, ms) => {
    const zone = process.env.TZ;
    process.env.TZ = 'America/New_York';
    expect(list(200, bodyOf({ ...memory, createdAt }))).toMatchObject({ memories: [{ createdAt: ms }] });
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  });

  it.each([
    [PAGE],
    ['[]'],
    [null],
    ['{"status":"success","data":{}}'],
    ['{"status":"error","message":"no","data":[]}'],
    [bodyOf({ ...memory, name: null })],
    [bodyOf(memory, { id: 'm-2', name: 'A' })],
    [bodyOf({ ...memory, id: undefined })],
    [JSON.stringify({ status: 'success', data: [memory], hasMore: true })],
    [JSON.stringify({ status: 'success', data: [memory], meta: { total: 2 } })],
    [JSON.stringify({ status: 'success', data: [memory], pagination: { next: '/contacts?page=2' } })],
  ])('a 200 from which absence cannot be concluded is no list: %j', (body) => {
    expect(list(200, body)).toMatchObject({ kind: 'unlisted', outage: false });
  });

  it('a Link to a next page makes it no list', () => {
    expect(list(200, bodyOf(memory), { headers: { link: '</x?page=2>; rel="next"' } })).toMatchObject({ kind: 'unlisted' });
    expect(list(200, bodyOf(memory), { headers: { link: '</x?page=1>; rel="prev"' } })).toMatchObject({ kind: 'listed' });
  });

  it("no message quotes a 200's body", () => {
    const verdict = list(200, bodyOf({ id: 'm-1', name: 'secret name', text: 7 }));
    expect(JSON.stringify(verdict)).not.toContain('secret');
  });

  it.each([
    [401, { kind: 'unauthorized' }],
    [403, { kind: 'unlisted', outage: false }],
    [404, { kind: 'unlisted', outage: false }],
    [302, { kind: 'unlisted', outage: false }],
    [407, { kind: 'unlisted', outage: false }],
    [201, { kind: 'unlisted', outage: false }],
    [206, { kind: 'unlisted', outage: false }],
    [408, { kind: 'unlisted', outage: true }],
    [500, { kind: 'unlisted', outage: true }],
    [503, { kind: 'unlisted', outage: true }],
    [429, { kind: 'rate_limited', retryAfterMs: null }],
  ])('%i is %j', (status, expected) => {
    expect(list(status, bodyOf(memory))).toMatchObject(expected);
  });

  it('a 503 with Retry-After asks for patience; a cut list is an outage, a list that is too long is none', () => {
    expect(list(503, '', { headers: { 'retry-after': '1' } })).toMatchObject({ kind: 'rate_limited', retryAfterMs: 1_000 });
    expect(list(200, bodyOf(memory), { bodyEnd: 'cut_off' })).toMatchObject({ kind: 'unlisted', outage: true });
    expect(list(200, bodyOf(memory), { bodyEnd: 'too_long' })).toMatchObject({ kind: 'unlisted', outage: false });
    expect(classifyList(failed(false))).toMatchObject({ kind: 'unlisted', outage: true });
  });
});
