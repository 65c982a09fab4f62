import { describe, expect, test } from 'vitest';
import { countMissingContacts, MOST_LISTED } from '../../../src/report/missing-contacts.js';
import { created, draftWith, failureWith, settled } from './fixtures.js';

const missing = (contactId: string, subOrg: string | null = null) =>
  settled({ outcome: failureWith({ class: 'not_found', status: 404 }), draft: draftWith({ contactId, subOrg }) });

describe('the missing contacts', () => {
  test('are listed by their rows, each once for each sub organization; other failures are none', () => {
    const counter = countMissingContacts();
    for (const row of [missing('b'), missing('a'), missing('a'), missing('a', 'north'), settled({ outcome: created() })]) counter.add(row);
    counter.add(settled({ outcome: failureWith({ class: 'bad_request' }) }));
    expect(counter.result()).toEqual({
      listed: [
        { contactId: 'a', subOrg: null, rows: 2 },
        { contactId: 'b', subOrg: null, rows: 1 },
        { contactId: 'a', subOrg: 'north', rows: 1 },
      ],
      total: 3,
    });
  });

  test('are counted exactly beyond what is listed, and honestly not at all beyond what is held', () => {
    const counter = countMissingContacts();
    for (let i = 0; i < 20_000; i++) counter.add(missing(`C-${i}`));
    expect(counter.result()).toMatchObject({ total: 20_000 });
    expect(counter.result().listed).toHaveLength(MOST_LISTED);
    counter.add(missing('C-7'));
    expect(counter.result().total).toBe(20_000);
    counter.add(missing('one too many'));
    expect(counter.result().total).toBeNull();
    expect(counter.result().listed[0]).toEqual({ contactId: 'C-7', subOrg: null, rows: 2 });
  });

  test('take no more room where their ids are very long', () => {
    const counter = countMissingContacts();
    for (let i = 0; i < 500; i++) counter.add(missing(`${i}${'x'.repeat(10_000)}`));
    const { listed, total } = counter.result();
    expect(total).toBeNull();
    expect(JSON.stringify(listed).length).toBeLessThan(120_000);
  });
});
