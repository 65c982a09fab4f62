import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCrosswalk } from '../../../src/map/crosswalk.js';
import { recordIdOf, trimId } from '../../../src/map/record-id.js';

const to = (contactId: string, subOrg: string | null = null) => ({ contactId, subOrg });

describe('createCrosswalk', () => {
  it('finds what was put in, however many there are, and nothing else', () => {
    const crosswalk = createCrosswalk();
    const count = 120_000; // several times larger than its first table, and more than one block of memory
    const contactOf = (i: number) => to(`contact-${i}-${'x'.repeat(i % 40)}`, i % 3 === 0 ? `org-${i % 5}` : null);
    let wrong = 0;
    for (let i = 0; i < count; i++) if (crosswalk.add(`crm-${i}`, contactOf(i), i) !== null) wrong++;
    expect([crosswalk.size, wrong]).toEqual([count, 0]);
    for (let i = 0; i < count; i++) {
      const [found, expected] = [crosswalk.find(`crm-${i}`), contactOf(i)];
      if (found?.contactId !== expected.contactId || found.subOrg !== expected.subOrg || crosswalk.find(`crm-${i}x`) !== null) wrong++;
    }
    expect(wrong).toBe(0);
  });

  it('is a map, whatever the ids are', () => {
    const ids = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(fc.array(fc.tuple(ids, ids)), (pairs) => {
        const crosswalk = createCrosswalk();
        const expected = new Map<string, string>();
        for (const [crmId, contactId] of pairs) {
          const key = recordIdOf(crmId);
          const isOther = expected.has(key) && expected.get(key) !== contactId;
          expect(crosswalk.add(crmId, to(contactId), 1)).toBe(isOther ? 1 : null);
          if (!expected.has(key)) expected.set(key, contactId);
        }
        for (const [crmId, contactId] of expected) expect(crosswalk.find(crmId)?.contactId).toBe(contactId);
        expect(crosswalk.size).toBe(expected.size);
      }),
      { numRuns: 200 },
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

describe('recordIdOf', () => {
  it.each([
    ['0015g00000AcCoUAAV', '0015g00000AcCoU'], // the checksum says so
    ['0015g00000AcCoUAAX', '0015g00000AcCoUAAX'], // it doesn't
    ['000000000000000AAA', '000000000000000'],
    ['0015g00000AcCoU', '0015g00000AcCoU'],
    ['0015g00000-cCoUAAV', '0015g00000-cCoUAAV'],
  ])('%s is compared as %s', (id, compared) => expect(recordIdOf(id)).toBe(compared));
});

describe('trimId', () => {
  it.each(['a b', ' a b', 'a b\u00a0', '\u200ba b\u200b', '\ufeffa b \u2060', '\ta b\u3000'])('makes "a b" of %j', (id) =>
    expect(trimId(id)).toBe('a b'),
  );
});
