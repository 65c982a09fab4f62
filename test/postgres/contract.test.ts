import { afterAll, beforeAll, describe } from 'vitest';
import { ledgerContract } from '../contract/ledger-contract.js';
import { ledgerModel } from '../contract/ledger-model.js';
import { createPostgres } from '../contract/postgres-store.js';
import { createDatabase, POSTGRES, type TestDatabase } from '../support/databases.js';

describe.skipIf(POSTGRES === null)('in a real Postgres', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(() => database.drop());

  ledgerContract('Postgres', () => createPostgres(database));
  ledgerModel('Postgres', () => createPostgres(database), { numRuns: 5, endOnFailure: true });
});
