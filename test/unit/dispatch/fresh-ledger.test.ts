import { describe, expect, test } from 'vitest';
import type { ListAnswer } from '../../../src/callers/api.js';
import { checkFreshLedger } from '../../../src/dispatch/fresh-ledger.js';
import { contentHash, fingerprintOf } from '../../../src/map/fingerprint.js';
import type { Draft } from '../../../src/model.js';
import { createScriptedServer, type MemoryToPut } from '../../support/scripted-api.js';
import { createVirtualClock } from '../../support/virtual-clock.js';

describe('an empty ledger', () => {
  test.each(['ACTUAL', 'OUTDATED', null])('is a warning sign where a note is there already (status %s)', async (status) => {
    await expect(check({ status })).rejects.toMatchObject({ reasonCode: 'ledger', message: expect.stringContaining('--adopt') });
  });

  test.each(['DELETED', 'deleted'])('is none where the note was there and is deleted (status %s)', async (status) => {
    await expect(check({ status })).resolves.toBeUndefined();
  });

  test('is one where a deleted note is there a second time', async () => {
    await expect(check({ status: 'DELETED' }, { status: 'ACTUAL' })).rejects.toMatchObject({ reasonCode: 'ledger' });
  });

  test('is none where others’ notes are there', async () => {
    await expect(check({ text: 'another' })).resolves.toBeUndefined();
  });
});

async function check(...there: readonly Partial<MemoryToPut>[]): Promise<void> {
  const clock = createVirtualClock();
  const server = createScriptedServer(clock);
  for (const part of there) server.put({ contactId: 'c1', subOrg: null, name: 'Note', text: 'one', ...part });
  const connection = server.connect();
  const looker = { list: (contact: Draft): Promise<ListAnswer | null> => connection.list(contact) };
  await clock.run(checkFreshLedger({ drafts: [draftOf('one')], looker, hashOf: contentHash, ledgerPath: 'ledger.db' }));
}

function draftOf(text: string): Draft {
  const [contactId, subOrg, name] = ['c1', null, 'Note'];
  const fingerprint = fingerprintOf({ contactId, subOrg, content: { kind: 'note', name, text } });
  return { contactId, subOrg, name, text, fingerprint, sentHash: contentHash(name, text), inputHash: null, occurrence: 1 };
}
