import { describe, expect, it } from 'vitest';
import { listByPhone } from '../../../src/callers/by-phone.js';
import { createClient } from '../../../src/callers/client.js';
import { formatPhoneAddress, parsePhoneAddress } from '../../../src/phone-address.js';
import { startSandbox } from '../../../src/sandbox/server.js';

const NOTE = { subOrg: null, name: 'Call', text: 'Likes tea' };

describe('an address by phone number', () => {
  it('is read as it was written, whatever the campaign is called', () => {
    for (const campaignId of ['cmp_7', 'a/b', 'campaign:x/123456', '100 %', 'ä\u{1f600}']) {
      const address = { campaignId, phoneNumber: '+4930123456' };
      expect(parsePhoneAddress(formatPhoneAddress(address))).toEqual(address);
    }
  });

  it.each(['C-1', 'campaign:', 'campaign:x/', 'campaign:x/123', 'campaign:x/+1234567890123456', 'campaign:%/123456', 'xcampaign:x/123456'])(
    'is not what %j is: that is an id',
    (contactId) => expect(parsePhoneAddress(contactId)).toBeNull(),
  );
});

describe('a contact by phone number', () => {
  const address = formatPhoneAddress({ campaignId: 'cmp 7', phoneNumber: '+4930123456' });

  async function open() {
    const sandbox = await startSandbox({ port: 0, apiKey: 'k' });
    const client = createClient({ baseUrl: new URL(sandbox.url), apiKey: 'k', timeoutMs: 5000, connections: 1, env: {} });
    const book = new Map<string, string>();
    const api = listByPhone(client, {
      contactOf: async (asked) => book.get(asked) ?? null,
      learn: (learnt, contactId) => void book.set(learnt, contactId),
    });
    const close = async () => {
      await client.close();
      await sandbox.close();
    };
    return { sandbox, client, api, book, close };
  }

  it('is created by the route of its campaign, and listed by the contact that the answer names', async () => {
    const { sandbox, api, book, close } = await open();
    try {
      const before = await api.list({ contactId: address, subOrg: null });
      expect(before).toMatchObject({ kind: 'unlisted', outage: false, isAsked: false });
      expect(sandbox.stats().requests).toBe(0);

      const { verdict } = await api.create({ ...NOTE, contactId: address });
      expect(verdict).toMatchObject({ kind: 'created', memory: { contactId: 'phone-4930123456' } });
      expect(sandbox.requests().at(-1)?.path).toBe('/campaigns/cmp%207/contacts/%2B4930123456/memories');
      expect([...book]).toEqual([[address, 'phone-4930123456']]);
      expect(await api.list({ contactId: address, subOrg: null })).toMatchObject({ kind: 'listed', memories: [{ text: 'Likes tea' }] });
    } finally {
      await close();
    }
  });

  it('is listed where an earlier run has learnt whose number it is', async () => {
    const { client, api, book, close } = await open();
    try {
      await client.create({ ...NOTE, contactId: address });
      book.set(address, 'phone-4930123456');
      expect(await api.list({ contactId: address, subOrg: null })).toMatchObject({ kind: 'listed', memories: [{ text: 'Likes tea' }] });
      // Ids go through untouched.
      expect(await api.list({ contactId: 'phone-4930123456', subOrg: null })).toMatchObject({ kind: 'listed', memories: [{}] });
    } finally {
      await close();
    }
  });
});
