import { connect } from 'node:net';
import { expect, test, vi } from 'vitest';
import { startSandbox } from '../../../src/sandbox/server.js';
import { create, list, lossOf, start } from './start.js';

/** What is waited for comes at once, unless the machine stands still. */
const PATIENCE = { timeout: 30_000 };

test('a second sandbox on the same port says that the port is taken', async () => {
  const sandbox = await start();
  await expect(startSandbox({ port: sandbox.port })).rejects.toThrow(
    new RegExp(`127\\.0\\.0\\.1:${sandbox.port}.*EADDRINUSE.*another port`),
  );
});

test('connections are kept alive for longer than clients keep them', async () => {
  const sandbox = await start();
  const answer = await create(sandbox);
  expect(answer.headers.get('connection')).toBe('keep-alive');
  expect(answer.headers.get('keep-alive')).toBe('timeout=75');
});

test('latencyMs holds each request before anything is done for it', async () => {
  const sandbox = await start({ latencyMs: 80 });
  const begun = performance.now();
  const answer = create(sandbox);
  await vi.waitFor(() => expect(sandbox.requests()).toHaveLength(1), PATIENCE);
  expect(sandbox.requests()[0]?.status).toBeNull();
  expect((await answer).status).toBe(201);
  expect(performance.now() - begun).toBeGreaterThanOrEqual(79);
});

test('a create whose client left during the latency is carried out all the same', async () => {
  const sandbox = await start({ latencyMs: 200 });
  const leave = new AbortController();
  const answer = lossOf(create(sandbox, { signal: leave.signal }));
  await vi.waitFor(() => expect(sandbox.requests()).toHaveLength(1), PATIENCE);
  leave.abort();
  await answer;
  expect(sandbox.memories()).toEqual([]);
  await vi.waitFor(() => expect(sandbox.memories()).toHaveLength(1), { timeout: 5000 });
});

test('peakConcurrency is the most requests that were under way at once', async () => {
  const sandbox = await start({ latencyMs: 100 });
  await Promise.all(['C-1', 'C-2', 'C-3', 'C-4'].map((contactId) => create(sandbox, { contactId })));
  await list(sandbox);
  expect(sandbox.stats().peakConcurrency).toBe(4);
});

test('overlaps counts creates of one contact that were under way together, whatever their sub organization', async () => {
  const sandbox = await start({ latencyMs: 100 });
  await Promise.all([create(sandbox, { contactId: 'C-1' }), create(sandbox, { contactId: 'C-2' }), list(sandbox, { contactId: 'C-1' })]);
  expect(sandbox.overlaps()).toBe(0);
  await Promise.all([create(sandbox, { contactId: 'C-1' }), create(sandbox, { contactId: 'C-1', subOrg: 'so-1' })]);
  expect(sandbox.overlaps()).toBe(1);
  await create(sandbox, { contactId: 'C-1' });
  expect(sandbox.overlaps()).toBe(1);
});

test('a create after one that its client gave up is no overlap, whether that hung or was slow', async () => {
  const sandbox = await start({ answerWith: ({ repeat }) => (repeat === 0 ? 'hang' : undefined) });
  const slow = await start({ latencyMs: 300 });
  for (const server of [sandbox, slow]) {
    const leave = new AbortController();
    const given = lossOf(create(server, { signal: leave.signal }));
    await vi.waitFor(() => expect(server.requests()).toHaveLength(1), PATIENCE);
    leave.abort();
    await given;
    expect((await create(server)).status).toBe(201);
    expect(server.overlaps()).toBe(0);
  }
});

test('a create beside one that hangs is an overlap', async () => {
  const sandbox = await start({ answerWith: ({ repeat }) => (repeat === 0 ? 'hang' : undefined) });
  const hanging = lossOf(create(sandbox));
  await vi.waitFor(() => expect(sandbox.requests()).toHaveLength(1), PATIENCE);
  await create(sandbox);
  expect(sandbox.overlaps()).toBe(1);
  await sandbox.close();
  expect(await hanging).toBe('UND_ERR_SOCKET');
});

test('while down, open connections and new ones are reset; afterwards all is as before', async () => {
  const sandbox = await start({ answerWith: ({ index }) => (index === 0 ? 'hang' : undefined) });
  const hanging = lossOf(create(sandbox));
  await vi.waitFor(() => expect(sandbox.requests()).toHaveLength(1), PATIENCE);
  sandbox.setDown(true);
  expect(await hanging).toBe('ECONNRESET');
  expect(await lossOf(create(sandbox))).toMatch(/^(ECONNRESET|EPIPE|UND_ERR_SOCKET)$/);
  expect(sandbox.stats()).toMatchObject({ created: 0, requests: 1 });
  sandbox.setDown(false);
  expect((await create(sandbox)).status).toBe(201);
});

test('close ends at once, with requests that wait or hang and idle connections, and nothing happens afterwards', async () => {
  const slow = await start({ latencyMs: 60_000 });
  const stuck = await start({ answerWith: ({ contactId }) => (contactId === 'C-late' ? { createLateMs: 60_000 } : 'hang') });
  const idle = connect(stuck.port, '127.0.0.1');
  const idleEnded = new Promise((resolve) => idle.once('close', resolve));
  expect(await lossOf(create(stuck, { contactId: 'C-late' }))).toBe('ECONNRESET');
  const hanging = lossOf(create(stuck));
  const waiting = lossOf(create(slow));
  await vi.waitFor(() => expect([stuck.requests().length, slow.requests().length]).toEqual([2, 1]), PATIENCE);
  const timersBefore = pendingTimers();
  const begun = performance.now();
  await Promise.all([stuck.close(), slow.close(), slow.close()]);
  expect(performance.now() - begun).toBeLessThan(1000);
  expect(timersBefore - pendingTimers()).toBeGreaterThanOrEqual(2);
  expect(await hanging).toBe('UND_ERR_SOCKET');
  expect(await waiting).toBe('UND_ERR_SOCKET');
  await idleEnded;
  expect([...stuck.memories(), ...slow.memories()]).toEqual([]);
});

test('a client that leaves in the middle of its body leaves nothing behind', async () => {
  const sandbox = await start();
  const socket = connect(sandbox.port, '127.0.0.1');
  socket.write(
    'POST /contacts/C-1/memories HTTP/1.1\r\nHost: x\r\nAuthorization: sandbox-key\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"na',
  );
  await vi.waitFor(() => expect(sandbox.requests()).toHaveLength(1), PATIENCE);
  socket.destroy();
  await vi.waitFor(() => expect(sandbox.requests()[0]?.status).not.toBeNull(), PATIENCE);
  expect((await create(sandbox)).status).toBe(201);
  expect(sandbox.stats()).toMatchObject({ created: 1, peakConcurrency: 1 });
  expect(sandbox.overlaps()).toBe(0);
});

function pendingTimers(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
}
