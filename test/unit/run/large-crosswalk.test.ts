import { readdirSync, readlinkSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { recordIdOf } from '../../../src/map/record-id.js';
import { createLargeCrosswalk } from '../../../src/run/large-crosswalk.js';

const to = (contactId: string, subOrg: string | null = null) => ({ contactId, subOrg });

const STORES = [
  ['in memory', Number.POSITIVE_INFINITY],
  ['in memory and on disk', 4 * 1024 * 1024 + 100_000],
  ['on disk', 0],
] as const;

describe.each(STORES)('a list of contacts %s', (_, memoryBytes) => {
  const createCrosswalk = () => {
    const crosswalk = createLargeCrosswalk(memoryBytes);
    onTestFinished(crosswalk.close);
    return crosswalk;
  };

  it('finds what was put in, however many there are, and nothing else', () => {
    const crosswalk = createCrosswalk();
    const count = 20_000; // several times larger than its first table, and more than one block of memory
    const contactOf = (i: number) => to(`contact-${i}-${'x'.repeat(i % 400)}`, i % 3 === 0 ? `org-${i % 5}` : null);
    let wrong = 0;
    for (let i = 0; i < count; i++) if (crosswalk.add(`crm-${i}`, contactOf(i), i) !== null) wrong++;
    expect([crosswalk.size, wrong]).toEqual([count, 0]);
    for (let i = 0; i < count; i++) {
      const [found, expected] = [crosswalk.find(`crm-${i}`), contactOf(i)];
      if (found?.contactId !== expected.contactId || found.subOrg !== expected.subOrg || crosswalk.find(`crm-${i}x`) !== null) wrong++;
    }
    expect(wrong).toBe(0);
    // Where there is room for some of them, it has moved to the disk in the middle.
    expect(crosswalk.onDisk > 0).toBe(memoryBytes < 1e9);
    expect(crosswalk.onDisk < count).toBe(memoryBytes > 0);
  });

  it('is a map, whatever the ids are', () => {
    const ids = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(fc.array(fc.tuple(ids, ids)), (pairs) => {
        const crosswalk = createLargeCrosswalk(memoryBytes);
        const expected = new Map<string, string>();
        for (const [crmId, contactId] of pairs) {
          const key = recordIdOf(crmId);
          const isOther = expected.has(key) && expected.get(key) !== contactId;
          expect(crosswalk.add(crmId, to(contactId), 1)).toBe(isOther ? 1 : null);
          if (!expected.has(key)) expected.set(key, contactId);
        }
        for (const [crmId, contactId] of expected) expect(crosswalk.find(crmId)?.contactId).toBe(contactId);
        expect(crosswalk.size).toBe(expected.size);
        crosswalk.close();
      }),
      { numRuns: 60 },
    );
  });

  it('takes the same id with the same contact twice, and names the line of one with another', () => {
    const crosswalk = createCrosswalk();
    crosswalk.add('a', to('C-1'), 2);
    expect(crosswalk.add('a', to('C-1'), 3)).toBeNull();
    expect(crosswalk.add('a', to('C-2'), 4)).toBe(2);
    expect(crosswalk.add('a', to('C-1', 'north'), 5)).toBe(2);
    expect(crosswalk.find('a')).toEqual(to('C-1'));
  });

  it('knows a Salesforce id of 15 characters by its 18, and the other way round; capitals count', () => {
    const crosswalk = createCrosswalk();
    crosswalk.add('0035g00000AbCdE', to('C-1'), 2);
    crosswalk.add('0035g00000aBcDeAAK', to('C-2'), 3);
    expect(crosswalk.find('0035g00000AbCdEAAV')).toEqual(to('C-1'));
    expect(crosswalk.find('0035g00000aBcDe')).toEqual(to('C-2'));
    expect(crosswalk.find('0035g00000abcde')).toBeNull();
    expect(crosswalk.add('0035g00000AbCdEAAV', to('C-3'), 4)).toBe(2);
  });

  it('knows no id that is longer than any is', () => {
    expect(createCrosswalk().find('x'.repeat(5000))).toBeNull();
  });
});

describe.runIf(process.platform === 'linux')('what lies on disk', () => {
  const temporary = () =>
    readdirSync('/proc/self/fd').flatMap((fd) => {
      try {
        const target = readlinkSync(`/proc/self/fd/${fd}`);
        return target.includes('etilqs') ? [target] : [];
      } catch {
        return []; // closed since
      }
    });

  it('has no name while it is used, so that no end of the program leaves it behind', () => {
    const crosswalk = createLargeCrosswalk(0);
    const contactId = 'x'.repeat(900);
    let count = 0;
    // More than its cache.
    while (count < 200_000 && temporary().length === 0) for (let i = 0; i < 10_000; i++) crosswalk.add(`crm-${count++}`, to(contactId), 1);
    expect(temporary()).toEqual([expect.stringMatching(/ \(deleted\)$/)]);
    expect(crosswalk.find('crm-0')).toEqual(to(contactId));
    crosswalk.close();
  });
});
