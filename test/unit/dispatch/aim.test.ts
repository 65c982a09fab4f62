import { describe, expect, test } from 'vitest';
import { createAim } from '../../../src/dispatch/aim.js';
import { createHalt } from '../../../src/dispatch/halt.js';
import type { Verdict } from '../../../src/model.js';

const created: Verdict = { kind: 'created', memory: null };
const stranger: Verdict = { kind: 'refused', class: 'rejected', status: 302, message: 'elsewhere', details: null, fromApi: false };
const refusal: Verdict = { kind: 'refused', class: 'not_found', status: 404, message: 'no such contact', details: null, fromApi: true };
const doubt: Verdict = { kind: 'doubt', class: 'server_error', status: 502, message: 'bad gateway' };
const slow: Verdict = { kind: 'rate_limited', status: 429, retryAfterMs: null, message: 'slow down' };

describe('the run is aimed at the wrong place', () => {
  test('after 50 answers in a row that aren’t the API’s, not after 49', () => {
    const { aim, halt } = start();
    for (let i = 0; i < 49; i++) aim.answered(stranger);
    expect(halt.reason).toBeNull();
    aim.answered(stranger);
    expect(halt.reason).toMatchObject({ reasonCode: 'wrong_place', continues: false });
  });

  test.each([created, refusal])('not where the API itself answers in between: %o', (own) => {
    const { aim, halt } = start();
    aim.answered(created);
    for (let i = 0; i < 500; i++) aim.answered(i % 50 === 49 ? own : stranger);
    expect(halt.reason).toBeNull();
  });

  test('5xx, 429 and silence neither count nor interrupt the count: they are an outage’s business', () => {
    const { aim, halt } = start();
    for (let i = 0; i < 1000; i++) aim.answered(i % 2 === 0 ? doubt : slow);
    expect(halt.reason).toBeNull();
    for (let i = 0; i < 50; i++) {
      aim.answered(stranger);
      aim.answered(doubt);
    }
    expect(halt.reason?.reasonCode).toBe('wrong_place');
  });

  test('where the first 200 answers are all refusals, not 199', () => {
    const { aim, halt } = start();
    for (let i = 0; i < 199; i++) aim.answered(refusal);
    expect(halt.reason).toBeNull();
    aim.answered(refusal);
    expect(halt.reason).toMatchObject({ reasonCode: 'wrong_place', continues: false });
  });

  test('not by refusals once one note was created, nor for a failures file or a ledger that has created notes: last night’s failures come first', () => {
    const once = start();
    once.aim.answered(created);
    for (let i = 0; i < 1000; i++) once.aim.answered(refusal);
    expect(once.halt.reason).toBeNull();
    const retaken = start(true);
    for (let i = 0; i < 1000; i++) retaken.aim.answered(refusal);
    expect(retaken.halt.reason).toBeNull();
    // Strangers are strangers there too.
    for (let i = 0; i < 50; i++) retaken.aim.answered(stranger);
    expect(retaken.halt.reason?.reasonCode).toBe('wrong_place');
  });
});

test('a 401 stops at once, and the first reason stays', () => {
  const { aim, halt } = start();
  aim.answered({ kind: 'unauthorized', message: 'no such key' });
  expect(halt.signal.aborted).toBe(true);
  for (let i = 0; i < 300; i++) aim.answered(stranger);
  expect(halt.reason).toMatchObject({ reasonCode: 'key_refused', continues: false });
});

function start(retakesFailures = false) {
  const halt = createHalt(() => {});
  const aim = createAim(halt, () => retakesFailures);
  return { halt, aim: { answered: (verdict: Verdict) => aim.answered(verdict, (message) => message) } };
}
