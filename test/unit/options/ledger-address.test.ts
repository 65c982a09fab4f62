import { describe, expect, test } from 'vitest';
import { OptionsError } from '../../../src/errors.js';
import { isPostgres, parsePostgres, shownLedger, withoutPassword } from '../../../src/ledger-address.js';
import { resolveOptions } from '../../../src/options.js';

const resolve = (ledger: string) => resolveOptions({ ledger }, {}, { key: false, inputs: false });

describe('the address of a ledger', () => {
  test.each([
    ['ledger.db', false],
    ['./postgres/ledger.db', false],
    ['postgres://db/crm', true],
    ['postgresql://db/crm', true],
    ['POSTGRES://db/crm', true],
  ])('%s is in Postgres: %s', (address, expected) => {
    expect(isPostgres(address)).toBe(expected);
  });

  test('has no password after the options are resolved, wherever it stood', () => {
    expect(resolve('postgres://app:pa%20ss@db.example/crm?sslmode=require')).toMatchObject({
      ledger: 'postgres://app@db.example/crm?sslmode=require',
      ledgerPassword: 'pa ss',
    });
    expect(resolve('postgres://app@localhost/crm?password=secret')).toMatchObject({
      ledger: 'postgres://app@localhost/crm',
      ledgerPassword: 'secret',
    });
    expect(resolve('postgres://localhost/crm')).toMatchObject({ ledger: 'postgres://localhost/crm', ledgerPassword: null });
    expect(resolve('a folder/ledger:x@y.db')).toMatchObject({ ledger: 'a folder/ledger:x@y.db', ledgerPassword: null });
  });

  test.each([
    ['postgres://app:secret@db/crm', 'postgres://app:***@db/crm'],
    ['postgres://app:se@cr/et@db/crm', 'postgres://app:***@db/crm'],
    ['postgres://app@db/crm?password=secret&sslmode=require', 'postgres://app@db/crm?password=***&sslmode=require'],
    ['postgresql:app:secret@db', 'postgresql:app:***@db'],
    ['postgres://db/crm', 'postgres://db/crm'],
    ['ledger.db', 'ledger.db'],
  ])('%s is shown as %s', (address, shown) => {
    expect(shownLedger(address)).toBe(shown);
  });

  test.each([
    'postgres://app:secret@',
    'postgres:app:secret@db',
    'postgres://app:secret@db:port/crm',
    'postgres://app:secret@one,two/crm',
    'postgres://app:secret@db/crm?sslmode=disable',
    'postgres://app:secret@db/crm?sslmode=prefer',
    'postgres://app:secret@db/crm?sslmode=no-verify',
    'postgres://app:secret@db/crm?pool=3',
    'postgres://app:secret%@db/crm',
    'mysql://app:secret@db/crm',
  ])('%s is refused, and its password isn\u2019t told', (address) => {
    const refused = () => resolve(address);
    expect(refused).toThrow(OptionsError);
    expect(refused).toThrow(/--ledger: expected /);
    expect(refused).not.toThrow(/secret/);
  });

  test.each([
    ['postgres://db.example/crm', 'full'],
    ['postgres://db.example/crm?sslmode=require', 'full'],
    ['postgres://db.example/crm?sslmode=verify-ca', 'ca'],
    ['postgres://127.0.0.1/crm', null],
    ['postgres://[::1]/crm', null],
    ['postgres://localhost/crm?sslmode=require', 'none'],
    ['postgres://localhost/crm?sslmode=verify-full', 'full'],
    ['postgres:///crm?host=/var/run/postgresql', null],
    ['postgres://127.0.0.1.example/crm', 'full'],
  ])('%s: of the server\u2019s certificate is verified: %s', (address, verify) => {
    const settings = parsePostgres(address);
    expect(settings).toMatchObject({ tls: verify === null ? null : { verify } });
  });

  test('has what a connection needs', () => {
    expect(parsePostgres('postgres://a%40b:c%2Fd@[::1]:6000/my%20crm?connect_timeout=3')).toEqual({
      host: '::1',
      port: 6000,
      user: 'a@b',
      password: 'c/d',
      database: 'my crm',
      tls: null,
      connectTimeoutMs: 3000,
    });
    expect(withoutPassword('postgres://a%40b:c%2Fd@[::1]:6000/my%20crm')).toEqual({
      ledger: 'postgres://a%40b@[::1]:6000/my%20crm',
      ledgerPassword: 'c/d',
    });
  });
});
