import { describe, expect, it } from 'vitest';
import { createCrosswalk } from '../../../src/map/crosswalk.js';
import { recordIdOf } from '../../../src/map/record-id.js';

describe('createCrosswalk', () => {
  it('takes no further id once one would take it beyond its bound, and still knows those that it has', () => {
    const bound = 9 * 1024 * 1024;
    const crosswalk = createCrosswalk(bound);
    const contactId = 'x'.repeat(900);
    let count = 0;
    while (crosswalk.add(`crm-${count}`, { contactId, subOrg: null }, count) === null) count++;
    // Two blocks of 4 MiB, almost full: a third one, or a larger table, would be too much.
    expect(count).toBeGreaterThan(8900);
    expect(count * 912).toBeLessThan(bound);
    expect(crosswalk.add('one', { contactId: 'C', subOrg: null }, 1)).toBe('full');
    expect(crosswalk.add('crm-7', { contactId, subOrg: null }, 1)).toBeNull();
    expect(crosswalk.add('crm-7', { contactId: 'C', subOrg: null }, 1)).toBe(7);
    expect([crosswalk.size, crosswalk.find('one'), crosswalk.find('crm-8')?.contactId]).toEqual([count, null, contactId]);
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
