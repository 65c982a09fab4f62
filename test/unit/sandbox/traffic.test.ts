import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { traffic } from '../../../src/sandbox/traffic.js';

const CREATE = { method: 'POST', path: '/contacts/C-1/memories', contactId: 'C-1', subOrg: null, at: 0, authorization: null };

test('a create whose client turns out to be gone in the same turn of the event loop does not overlap the next', async () => {
  const books = traffic(10);
  const given = books.arrive(CREATE);
  const next = books.arrive(CREATE);
  books.leave(given);
  await turn();
  expect(books.overlaps()).toBe(0);
  books.answer(next, 201);
});

test('a create that is answered after the next arrived is an overlap', async () => {
  const books = traffic(10);
  const first = books.arrive(CREATE);
  books.arrive(CREATE);
  books.answer(first, 201);
  await turn();
  expect(books.overlaps()).toBe(1);
});

test('each pair counts, also where the first of three is answered', async () => {
  const books = traffic(10);
  const first = books.arrive(CREATE);
  const second = books.arrive(CREATE);
  books.answer(first, 201);
  const third = books.arrive(CREATE);
  await turn();
  expect(books.overlaps()).toBe(2);
  books.answer(second, 201);
  books.answer(third, 201);
  books.arrive(CREATE);
  await turn();
  expect(books.overlaps()).toBe(2);
});
