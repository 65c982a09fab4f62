import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ListedMemory } from '../../../src/callers/api.js';
import { createPageSense, judge, type Question } from '../../../src/callers/reconcile.js';
import { contentHash } from '../../../src/map/fingerprint.js';

const CLAIMED_AT = Date.UTC(2026, 10, 23, 12);
const NAME = 'Call';
const TEXT = 'Asked for an offer';

describe('presence', () => {
  test('a memory with the same name and text, made after the claim, is the one', () => {
    const found = ask({ memories: [memory({ id: 'm1', createdAt: CLAIMED_AT + 1 })] });
    expect(found).toMatchObject({ kind: 'present', memory: { id: 'm1' }, surplus: [] });
  });

  test.each([
    ['trimmed', '  Asked for an offer \n', 'Asked for an offer'],
    ['given LF for CRLF', 'line 1\r\nline 2', 'line 1\nline 2'],
    ['composed (NFC)', 'cafe\u0301', 'caf\u00e9'],
    ['decomposed', 'caf\u00e9', 'cafe\u0301'],
  ])('a text that the server has %s is still the same', (_what, sent, stored) => {
    expect(ask({ sent, memories: [memory({ text: stored })] }).kind).toBe('present');
  });

  test.each([
    ['another text', memory({ text: `${TEXT}.` })],
    ['another name', memory({ name: 'Call 2' })],
    ['another case', memory({ text: TEXT.toUpperCase() })],
    ['name and text swapped', memory({ name: TEXT, text: NAME })],
  ])('a memory with %s is not the one', (_what, other) => {
    expect(ask({ memories: [other] }).kind).toBe('absent');
  });

  test.each([
    [-302_001, 'absent'],
    [-302_000, 'unproven'],
    [-2001, 'unproven'],
    [-2000, 'present'],
    [0, 'present'],
    [3_600_000, 'present'],
  ])('a memory made %i ms after the claim: %s', (afterMs, kind) => {
    expect(ask({ memories: [memory({ createdAt: CLAIMED_AT + afterMs })] }).kind).toBe(kind);
  });

  test('one memory answers for one row, also for a row that never learnt its memory’s id', () => {
    const unidentified = [contentHash(NAME, TEXT)];
    expect(ask({ unidentified, memories: [memory({})] }).kind).toBe('absent');
    const two = [memory({}), memory({ id: 'm2', createdAt: CLAIMED_AT + 20 })];
    expect(ask({ unidentified, memories: two })).toMatchObject({ kind: 'present', surplus: [] });
    expect(ask({ unidentified: [contentHash(NAME, 'another')], memories: [memory({})] }).kind).toBe('present');
  });

  test('a memory that may be that of a note which was rebuilt without hash and id proves nothing', () => {
    expect(ask({ unidentified: [''], memories: [memory({})] }).kind).toBe('unproven');
    const two = [memory({}), memory({ id: 'm2', createdAt: CLAIMED_AT + 20 })];
    expect(ask({ unidentified: [''], memories: two }).kind).toBe('present');
    expect(ask({ unidentified: [''], memories: [memory({ text: 'another' })] }).kind).toBe('absent');
  });

  test.each([3_600_000, -3_600_000])('a server whose clock is %i ms ahead is understood', (skewMs) => {
    expect(ask({ skewMs, memories: [memory({ createdAt: CLAIMED_AT + skewMs - 2000 })] }).kind).toBe('present');
    expect(ask({ skewMs, memories: [memory({ createdAt: CLAIMED_AT + skewMs - 2001 })] }).kind).toBe('unproven');
    expect(ask({ skewMs, memories: [memory({ createdAt: CLAIMED_AT + skewMs - 302_000 })] }).kind).toBe('unproven');
    expect(ask({ skewMs, memories: [memory({ createdAt: CLAIMED_AT + skewMs - 302_001 })] }).kind).toBe('absent');
  });

  test('without any Date header a memory that seems older proves nothing, and one that seems younger is the one', () => {
    expect(ask({ skewMs: null, memories: [memory({ createdAt: CLAIMED_AT - 3_600_000 })] })).toMatchObject({
      kind: 'unproven',
      mayBePage: false,
    });
    expect(ask({ skewMs: null, memories: [memory({ createdAt: CLAIMED_AT })] }).kind).toBe('present');
    expect(ask({ skewMs: null, memories: [memory({ text: 'another' })] }).kind).toBe('absent');
  });

  test('a memory that is deleted by now still proves that its create took place', () => {
    expect(ask({ memories: [memory({ status: 'DELETED' })] }).kind).toBe('present');
  });

  test('a memory whose id the ledger knows is another row’s', () => {
    expect(ask({ memories: [memory({ id: 'm1' })], knownIds: ['m1'], newest: 'm1' }).kind).toBe('absent');
  });

  test('of three identical memories, one of them known, the oldest unknown one counts and the other is surplus', () => {
    const memories = [
      memory({ id: 'late', createdAt: CLAIMED_AT + 9000 }),
      memory({ id: 'known', createdAt: CLAIMED_AT + 1 }),
      memory({ id: 'early', createdAt: CLAIMED_AT + 2 }),
    ];
    const found = ask({ memories, knownIds: ['known'], newest: 'known' });
    expect(found).toMatchObject({ kind: 'present', memory: { id: 'early' }, surplus: [{ id: 'late' }] });
  });

  test('presence needs no proof of completeness: it holds in a page, without the newest, beside one without a time', () => {
    const memories = [memory({ id: 'm1' }), memory({ id: 'm2', createdAt: null }), ...others(8)];
    expect(memories).toHaveLength(10);
    expect(ask({ memories, knownIds: ['gone'], newest: 'gone' })).toMatchObject({ kind: 'present', memory: { id: 'm1' } });
  });

  test('a memory without its time may be an older one: it proves nothing', () => {
    expect(ask({ memories: [memory({ createdAt: null })] })).toMatchObject({ kind: 'unproven', mayBePage: false });
    expect(ask({ memories: [memory({ id: 'm1', createdAt: null })], knownIds: ['m1'], newest: 'm1' }).kind).toBe('absent');
  });
});

describe('absence', () => {
  test('an empty list of a contact of which nothing is known proves absence', () => {
    expect(ask({ memories: [] }).kind).toBe('absent');
  });

  test('a list that does not show the newest known memory proves nothing', () => {
    expect(ask({ memories: [], knownIds: ['m1'], newest: 'm1' })).toMatchObject({ kind: 'unproven', mayBePage: false });
    expect(ask({ memories: others(3), knownIds: ['m1'], newest: 'm1' }).kind).toBe('unproven');
  });

  test('an older known memory that was deleted by hand long ago does not block', () => {
    expect(ask({ memories: [memory({ id: 'm2', text: 'other' })], knownIds: ['m1', 'm2'], newest: 'm2' }).kind).toBe('absent');
  });

  test.each([10, 20, 25, 50, 100, 200, 250, 500, 1000])('%i memories may be a page of more; one more or less may not', (length) => {
    expect(ask({ memories: others(length) })).toMatchObject({ kind: 'unproven', mayBePage: true });
    expect(ask({ memories: others(length - 1) }).kind).toBe('absent');
    expect(ask({ memories: others(length + 1) }).kind).toBe('absent');
  });

  test('a page size is suspect until this server has shown a longer list', () => {
    const pages = createPageSense();
    pages.saw(50);
    expect(ask({ memories: others(50), pages }).kind).toBe('unproven');
    expect(ask({ memories: others(25), pages }).kind).toBe('absent');
    pages.saw(51);
    expect(ask({ memories: others(50), pages }).kind).toBe('absent');
    expect(ask({ memories: others(100), pages }).kind).toBe('unproven');
    pages.saw(3); // a shorter one takes nothing back
    expect(ask({ memories: others(50), pages }).kind).toBe('absent');
  });
});

describe('for any list', () => {
  const anyMemory = fc.record({
    id: fc.integer({ min: 1, max: 40 }).map((n) => `m${n}`),
    name: fc.constantFrom(NAME, ` ${NAME} `, 'Other'),
    text: fc.constantFrom(TEXT, `${TEXT}\r\n`, 'other'),
    createdAt: fc.option(fc.integer({ min: CLAIMED_AT - 10_000, max: CLAIMED_AT + 10_000 })),
    status: fc.constantFrom('ACTUAL', 'DELETED', null),
    createdAtText: fc.constant(null),
  });
  const anyQuestion = fc.record({
    memories: fc.uniqueArray(anyMemory, { selector: ({ id }) => id, maxLength: 30 }),
    knownIds: fc.uniqueArray(
      fc.integer({ min: 1, max: 40 }).map((n) => `m${n}`),
      { maxLength: 5 },
    ),
    skewMs: fc.option(fc.integer({ min: -5000, max: 5000 })),
    longest: fc.integer({ min: 0, max: 30 }),
  });

  test('a matching memory that is unknown and young enough is never called absent, and absence never comes from a list that may lack one', () => {
    fc.assert(
      fc.property(anyQuestion, ({ memories, knownIds, skewMs, longest }) => {
        const pages = createPageSense();
        pages.saw(longest);
        pages.saw(memories.length);
        const newest = knownIds.at(-1) ?? null;
        const found = ask({ memories, knownIds, newest, skewMs, pages });
        const candidates = memories.filter(({ id, name, text }) => !knownIds.includes(id) && name.trim() === NAME && text.trim() === TEXT);
        const young = candidates.filter(({ createdAt }) => createdAt !== null && createdAt >= CLAIMED_AT + (skewMs ?? 0) - 2000);
        if (young.length > 0) {
          expect(found.kind).toBe('present');
          if (found.kind === 'present') {
            expect([found.memory, ...found.surplus].map(({ id }) => id).sort()).toEqual(young.map(({ id }) => id).sort());
          }
        }
        if (found.kind === 'absent') {
          expect(candidates.every(({ createdAt }) => createdAt !== null && skewMs !== null)).toBe(true);
          expect(newest === null || memories.some(({ id }) => id === newest)).toBe(true);
          expect([10, 20, 25].includes(memories.length) && longest <= memories.length).toBe(false);
        }
        if (found.kind === 'present') expect(knownIds).not.toContain(found.memory.id);
      }),
      { numRuns: 2000 },
    );
  });
});

interface Asked {
  readonly memories: readonly ListedMemory[];
  readonly sent?: string;
  readonly knownIds?: readonly string[];
  readonly newest?: string | null;
  readonly unidentified?: readonly string[];
  readonly skewMs?: number | null;
  readonly pages?: Question['pages'];
}

function ask({ memories, sent = TEXT, knownIds = [], newest = null, unidentified = [], skewMs = 0, pages }: Asked) {
  const sense = pages ?? createPageSense();
  return judge({
    memories,
    note: { sentHash: contentHash(NAME, sent), claimedAt: CLAIMED_AT, skewMs },
    known: { memoryIds: new Set(knownIds), newest, unidentified },
    pages: sense,
    hashOf: contentHash,
  });
}

function memory(part: Partial<ListedMemory>): ListedMemory {
  return { id: 'm1', name: NAME, text: TEXT, status: 'ACTUAL', createdAt: CLAIMED_AT + 10, createdAtText: null, ...part };
}

function others(count: number): ListedMemory[] {
  return Array.from({ length: count }, (_, i) => memory({ id: `other-${i}`, text: `other ${i}` }));
}
