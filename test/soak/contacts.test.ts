import { expect, it } from 'vitest';
import { createCrosswalk } from '../../src/map/crosswalk.js';

it('a list of five million contacts takes less than 600 MB', { timeout: 600_000 }, () => {
  const before = process.memoryUsage().rss;
  const crosswalk = createCrosswalk();
  const count = 5_000_000;
  for (let i = 0; i < count; i++) {
    const tail = String(i).padStart(10, '0');
    crosswalk.add(`00300${tail}`, { contactId: `8c1d6a60-55b3-4d1c-9e2f-00${tail}`, subOrg: null }, i + 2);
  }
  expect(crosswalk.size).toBe(count);
  expect(crosswalk.find('003000004999999')).toEqual({ contactId: '8c1d6a60-55b3-4d1c-9e2f-000004999999', subOrg: null });
  expect(process.memoryUsage().rss - before).toBeLessThan(600e6);
});
