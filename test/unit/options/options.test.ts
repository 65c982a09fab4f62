import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { OptionsError } from '../../../src/errors.js';
import { type ImportOptions, parseDuration, resolveOptions } from '../../../src/options.js';

const KEY = 'k-1234567890';

function resolved(raw: object = {}, env: Record<string, string> = {}) {
  // Untrusted, as from JavaScript or JSON.
  return resolveOptions({ inputs: ['notes.csv'], apiKey: KEY, ...raw } as ImportOptions, env);
}

function problems(raw: object, env: Record<string, string> = {}, needs?: { key: boolean; inputs: boolean }): readonly string[] {
  try {
    resolveOptions({ inputs: ['notes.csv'], apiKey: KEY, ...raw } as ImportOptions, env, needs);
  } catch (error) {
    if (error instanceof OptionsError) return error.problems;
    throw error;
  }
  return [];
}

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function file(name: string, content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'options-'));
  folders.push(folder);
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe('defaults', () => {
  it('are those of the command line contract', () => {
    expect(resolved()).toEqual({
      inputs: ['notes.csv'],
      baseUrl: new URL('https://api.callers.ai'),
      apiKey: KEY,
      subOrg: null,
      map: {},
      set: {},
      html: null,
      tooLong: 'reject',
      filter: [],
      since: null,
      profile: 'auto',
      contacts: null,
      campaign: null,
      contactSeparator: null,
      delimiter: null,
      encoding: null,
      ledger: '.memory-import/ledger.db',
      ledgerPassword: null,
      out: '.memory-import/runs',
      concurrency: 16,
      rate: null,
      retries: 5,
      timeoutMs: 30_000,
      giveUpAfterMs: 600_000,
      maxDurationMs: null,
      maxFailures: null,
      inDoubt: 'reconcile',
      reconcileWaitMs: 10_000,
      idColumn: null,
      sameAccount: false,
      adopt: false,
      order: 'contact',
      duplicates: 'skip',
      limit: null,
      only: null,
      accept: [],
      excel: false,
      distribute: false,
    });
  });

  it('hold for what is given as undefined', () => {
    expect(resolved({ concurrency: undefined, subOrg: undefined, config: undefined })).toEqual(resolved());
  });
});

describe('problems', () => {
  it('are told all at once, each by the name the user knows, with what was expected and found', () => {
    expect(problems({ concurrency: '0', inDoubt: 'reconsile', delimiter: '::', apiKey: undefined, inputs: [] })).toEqual([
      '--delimiter: expected auto, tab, or one character that is neither a quote nor a line end, found "::"',
      '--concurrency: expected a whole number from 1 to 1024, found "0"',
      '--in-doubt: expected reconcile, resend or report, found "reconsile" (did you mean reconcile?)',
      "<input...>: expected at least one CSV file, or '-' for standard input, found none",
      'no API key: name a file that holds it with --api-key-file, or set the environment variable CALLERS_API_KEY',
    ]);
  });

  it('include unknown options, with the near one', () => {
    expect(problems({ concurency: 4, 'base-url': 'https://x.example', mergeLong: 'split' })).toEqual([
      'concurency: no such option (did you mean concurrency?)',
      'base-url: no such option (did you mean baseUrl?)',
      'mergeLong: no such option',
    ]);
  });

  it('include a conflict of --map and --set beside others', () => {
    expect(problems({ map: ['name=Title'], set: ['name=CRM note'], retries: -1 })).toEqual([
      '--retries: expected a whole number from 0 to 100, found -1',
      '--set name: --map names a column for it already',
    ]);
  });

  it('make an error of exit code 2 with a line each', () => {
    expect(() => resolved({ concurrency: 0, retries: 101 })).toThrow(/^--concurrency: .*\n--retries: .*$/);
  });
});

describe('the base URL', () => {
  it.each([
    ['https://api.example.com/v1', 'https://api.example.com/v1'],
    ['https://api.example.com/v1//', 'https://api.example.com/v1'],
    ['https://API.example.com:443', 'https://api.example.com/'],
    ['http://localhost:8080', 'http://localhost:8080/'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080/'],
    ['http://127.9.8.7', 'http://127.9.8.7/'],
    ['http://[::1]:8080', 'http://[::1]:8080/'],
  ])('%s is taken, in one spelling', (given, href) => {
    expect(resolved({ baseUrl: given }).baseUrl.href).toBe(href);
  });

  it.each([
    ['http://api.example.com', 'expected https'],
    ['http://127.0.0.1.example.com', 'expected https'],
    ['http://localhost.example.com', 'expected https'],
    ['http://0.0.0.0', 'expected https'],
    ['ftp://api.example.com', 'expected an address such as https'],
    ['api.example.com', 'expected an address such as https'],
    ['https://api.example.com/?a=b', 'without ? and #'],
    ['https://api.example.com/?', 'without ? and #'],
    ['https://api.example.com/#x', 'without ? and #'],
    ['', 'expected an address'],
    [7, 'expected an address'],
  ])('%s is refused', (given, why) => {
    expect(problems({ baseUrl: given })).toEqual([expect.stringContaining(why)]);
  });

  it('with a password in it is refused without showing it', () => {
    for (const baseUrl of ['https://me:s3cret@api.example.com', 'ftp://me:s3cret@x', 'https://me:s3cret@[bad']) {
      const [problem] = problems({ baseUrl });
      expect(problem).toMatch(/^--base-url: expected/);
      expect(problem).not.toContain('s3cret');
    }
  });
});

describe('the API key', () => {
  it('is read from a file, whose one trailing line end is no part of it', () => {
    expect(resolved({ apiKey: undefined, apiKeyFile: file('key', 'abc def\n') }).apiKey).toBe('abc def');
    expect(resolved({ apiKey: undefined, apiKeyFile: file('key', 'abc\r\n') }).apiKey).toBe('abc');
  });

  it.each([
    ['', 'nothing in it'],
    ['\n', 'nothing in it'],
    ['abc\n\n', 'more than one line'],
    ['abc\ndef\n', 'more than one line'],
    [' abc', 'a space at its start or end'],
    ['abc \n', 'a space at its start or end'],
    ['abcdé', "a character that isn't, at position 5"],
    ['abc\u0000', "a character that isn't, at position 4"],
    ['\uFEFFabc', "a character that isn't, at position 1"],
  ])('in a file with %j is refused', (content, why) => {
    const [problem, ...more] = problems({ apiKey: undefined, apiKeyFile: file('key', content) });
    expect(problem).toMatch(/^--api-key-file: expected an API key/);
    expect(problem).toContain(why);
    expect(more).toEqual([]);
  });

  it('is never shown in a problem, wherever it comes from', () => {
    const key = 's3cret-kéy';
    const told = [
      problems({ apiKey: key }),
      problems({ apiKey: undefined }, { CALLERS_API_KEY: key }),
      problems({ apiKey: undefined, apiKeyFile: file('key', key) }),
    ];
    for (const lines of told) {
      expect(lines).toHaveLength(1);
      expect(lines[0]).not.toContain('s3cret');
    }
    expect(told[1]?.[0]).toMatch(/^CALLERS_API_KEY: /);
  });

  it('in a file that is not there, or far too large, is refused', () => {
    expect(problems({ apiKey: undefined, apiKeyFile: '/no/such/file' })).toEqual([expect.stringMatching(/^--api-key-file: .*ENOENT/)]);
    // A device that never ends isn't read to its end.
    expect(problems({ apiKey: undefined, apiKeyFile: '/dev/zero' })).toEqual([expect.stringMatching(/^--api-key-file: .*more than 1 MiB/)]);
    expect(problems({ config: '/dev/zero' })).toEqual([expect.stringMatching(/^--config: .*more than 1 MiB/)]);
    expect(problems({ apiKey: undefined, apiKeyFile: file('key', 'x'.repeat(70_000)) })).toEqual([expect.stringContaining('too large')]);
  });

  it('comes from the environment where no file is named, and the file wins', () => {
    expect(resolved({ apiKey: undefined }, { CALLERS_API_KEY: 'from-env\n' }).apiKey).toBe('from-env');
    expect(resolved({ apiKey: undefined, apiKeyFile: file('key', 'from-file') }, { CALLERS_API_KEY: 'from-env' }).apiKey).toBe('from-file');
  });

  it('is not needed where the command says so', () => {
    const needs = { key: false, inputs: true };
    expect(resolveOptions({ inputs: ['a.csv'] }, {}, needs).apiKey).toBe('');
    expect(resolveOptions({ inputs: ['a.csv'] }, { CALLERS_API_KEY: 'k' }, needs).apiKey).toBe('k');
    expect(problems({ apiKey: 'two\nlines' }, {}, needs)).toHaveLength(1);
  });

  it('given by value and by file is refused', () => {
    expect(problems({ apiKeyFile: file('key', 'abc') })).toEqual(['apiKey, apiKeyFile: expected one of them, found both']);
  });

  it.skipIf(process.getuid?.() === 0)('in a file that cannot be read is refused', () => {
    const path = file('key', 'abc');
    chmodSync(path, 0o000);
    expect(problems({ apiKey: undefined, apiKeyFile: path })).toEqual([expect.stringContaining('EACCES')]);
  });
});

describe('inputs', () => {
  it('may be left out where the command needs none', () => {
    expect(resolveOptions({ apiKey: KEY }, {}, { key: true, inputs: false }).inputs).toEqual([]);
  });

  it.each([[['-', 'a.csv', '-']], [['']], [[7]], ['notes.csv']])('%j are refused', (inputs) => {
    expect(problems({ inputs })).toEqual([expect.stringMatching(/^<input...>: expected/)]);
  });

  it('may be standard input', () => {
    expect(resolved({ inputs: ['-'] }).inputs).toEqual(['-']);
  });
});

describe('durations', () => {
  it.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['1.5s', 1500],
    ['10m', 600_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['2w', 1_209_600_000],
    ['1m30s', 90_000],
    ['1d2h3m4s5ms', 93_784_005],
    [' 5s ', 5000],
    ['0s', 0],
  ])('%j are %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '30', 's', '30 s', '30S', '-5s', '30s1m', '1m1m', '1e3s', '5 minutes', '1.5m'])('%j is none', (text) => {
    expect(parseDuration(text)).toBe(null);
  });

  it('as text without a unit are refused with a word on it, as a number they are milliseconds', () => {
    expect(problems({ timeout: '30' })).toEqual([expect.stringMatching(/^--timeout: .*unit.*found "30" without a unit$/)]);
    expect(resolved({ timeout: 1500, giveUpAfter: 0, reconcileWait: 1 })).toMatchObject({
      timeoutMs: 1500,
      giveUpAfterMs: 0,
      reconcileWaitMs: 1,
    });
  });

  it('stay in the bounds of a timer', () => {
    expect(problems({ timeout: '0s', giveUpAfter: '30d', reconcileWait: Number.NaN })).toEqual([
      expect.stringMatching(/^--timeout: .*more than 0 and at most 1d, found "0s"/),
      expect.stringMatching(/^--give-up-after: .*at most 7d, found "30d"/),
      expect.stringMatching(/^--reconcile-wait: /),
    ]);
    expect(resolved({ maxDuration: '2h' })).toMatchObject({ maxDurationMs: 7_200_000 });
    for (const maxDuration of ['0s', '31d', 'soon', -1]) {
      expect(problems({ maxDuration })).toEqual([expect.stringMatching(/^--max-duration: expected a duration/)]);
    }
    expect(resolved({ giveUpAfter: '0s', timeout: '1ms' })).toMatchObject({ giveUpAfterMs: 0, timeoutMs: 1 });
  });
});

describe('numbers', () => {
  it.each([
    ['concurrency', ['1', '1024', 8, ' 8 '], ['0', '1025', '', 'x', '1.5', '0x10', '1e2', '-1', true, null, Number.POSITIVE_INFINITY]],
    ['retries', ['0', '100', 0], ['101', '-1', '1.5']],
    ['limit', ['1', 20, '9007199254740991'], ['0', '-1', '1.5', '9007199254740993']],
    ['rate', ['0.5', '.5', 20, '1000'], ['0', '-1', 'fast', '', '1e3', Number.NaN, Number.POSITIVE_INFINITY]],
    ['maxFailures', ['10', 10, '5%', '0.5%', '100%'], ['0', '0%', '101%', '-1', '1.5', '%', 'all', -1]],
  ])('%s are taken and refused by their bounds', (name, good, bad) => {
    for (const value of good) expect(problems({ [name]: value }), String(value)).toEqual([]);
    for (const value of bad) expect(problems({ [name]: value }), String(value)).toHaveLength(1);
  });

  it('arrive as numbers', () => {
    expect(resolved({ concurrency: '8', rate: '0.5', limit: '20', retries: '0' })).toMatchObject({
      concurrency: 8,
      rate: 0.5,
      limit: 20,
      retries: 0,
    });
    expect(resolved({ maxFailures: '5%' }).maxFailures).toEqual({ percent: 5 });
    expect(resolved({ maxFailures: '10' }).maxFailures).toEqual({ rows: 10 });
    expect(resolved({ maxFailures: 10 }).maxFailures).toEqual({ rows: 10 });
  });
});

describe('--map and --set', () => {
  it('take pairs or an object, fields in any case, and columns with = in them', () => {
    const fields = { contactId: 'Id', text: 'a=b', subOrg: 'Org' };
    expect(resolved({ map: ['CONTACTID=Id', 'text=a=b', ' suborg =Org'] }).map).toEqual(fields);
    expect(resolved({ map: { ContactId: 'Id', text: 'a=b', subOrg: 'Org' } }).map).toEqual(fields);
    expect(resolved({ set: ['name=CRM note'] }).set).toEqual({ name: 'CRM note' });
  });

  it.each([
    [
      ['txt=Body'],
      '--map: expected field=column, field being contactId, phoneNumber, name, text or subOrg, found "txt" (did you mean text?)',
    ],
    [['text=A', 'TEXT=B'], '--map: expected each field once, found text twice'],
    [['text='], '--map: expected a column for text, found nothing'],
    [['text'], '--map: expected field=column, field being contactId, phoneNumber, name, text or subOrg, found ["text"]'],
    ['text=A', '--map: expected field=column, field being contactId, phoneNumber, name, text or subOrg, found "text=A"'],
    [{ text: 3 }, '--map: expected a column for text, found 3'],
  ])('%j is refused', (map, problem) => {
    expect(problems({ map })).toEqual([problem]);
  });

  it('tell every wrong pair', () => {
    expect(problems({ map: ['a=b', 'text='] })).toHaveLength(2);
  });
});

describe('words', () => {
  it.each([
    ['auto', null],
    [';', ';'],
    ['tab', '\t'],
    ['\\t', '\t'],
    ['\t', '\t'],
    ['😀', '😀'],
  ])('the delimiter %j is %j', (given, delimiter) => {
    expect(resolved({ delimiter: given }).delimiter).toBe(delimiter);
  });

  it.each(['', '"', '\n', '\r', ',,', 5])('the delimiter %j is refused', (delimiter) => {
    expect(problems({ delimiter })).toEqual([expect.stringMatching(/^--delimiter: /)]);
  });

  it('name an encoding by any of its labels', () => {
    expect(resolved({ encoding: 'auto' }).encoding).toBe(null);
    expect(resolved({ encoding: 'Latin1' }).encoding).toBe('windows-1252');
    expect(resolved({ encoding: 'utf-16le' }).encoding).toBe('utf-16le');
    expect(problems({ encoding: 'utf-9' })).toEqual([expect.stringMatching(/^--encoding: .*found "utf-9"/)]);
  });

  it('name failure classes, once each', () => {
    expect(resolved({ only: 'not_found, held,not_found' }).only).toEqual(['not_found', 'held']);
    expect(resolved({ only: ['network'] }).only).toEqual(['network']);
    expect(problems({ only: 'notfound,held,' })).toEqual([
      expect.stringMatching(/^--only: .*found "notfound" \(did you mean not_found\?\)/),
      expect.stringMatching(/^--only: .*found ""/),
    ]);
  });

  it('are refused where they are none of the choices', () => {
    expect(problems({ order: 'file', duplicates: 'Skip', adopt: 'yes' })).toEqual([
      expect.stringMatching(/^--adopt: expected true or false, found "yes"/),
      '--order: expected contact or none, found "file"',
      '--duplicates: expected skip or create, found "Skip" (did you mean skip?)',
    ]);
  });

  it('name a sub organization that fits into a header', () => {
    expect(resolved({ subOrg: ' so-1 ' }).subOrg).toBe('so-1');
    for (const subOrg of ['', ' ', 'é', 'a\nb']) expect(problems({ subOrg })).toHaveLength(1);
  });

  it('name paths, and an empty one is no path', () => {
    expect(problems({ ledger: '', out: ' ', idColumn: '' })).toHaveLength(3);
  });
});

describe('the ledger', () => {
  it('is a file or in Postgres, and nothing else; a password is not shown', () => {
    expect(resolved({ ledger: 'postgresql://me:s3cret@db/x' })).toMatchObject({ ledger: 'postgresql://me@db/x' });
    expect(problems({ ledger: 'mysql://me:s3cret@db/x' })[0]).not.toContain('s3cret');
  });
});

describe('the environment and the config file', () => {
  const env = { CALLERS_BASE_URL: 'https://env.example', MEMORY_IMPORT_LEDGER: 'env.db' };

  it('give what the caller did not, the environment first', () => {
    const config = file(
      'import.json',
      JSON.stringify({ baseUrl: 'https://file.example', ledger: 'file.db', concurrency: 3, retries: 2, map: { text: 'Body' } }),
    );
    expect(resolved({ config, ledger: 'given.db', retries: '1' }, { CALLERS_BASE_URL: 'https://env.example' })).toMatchObject({
      baseUrl: new URL('https://env.example'),
      ledger: 'given.db',
      concurrency: 3,
      retries: 1,
      map: { text: 'Body' },
    });
    expect(resolved({ config }, env)).toMatchObject({ ledger: 'env.db' });
  });

  it('are named where they are wrong', () => {
    const config = file('import.json', JSON.stringify({ concurrency: 0, ratee: 5, apiKey: 's3cret', inputs: ['a'] }));
    expect(problems({ config }, { CALLERS_BASE_URL: 'nonsense' })).toEqual([
      `"apiKey" in ${config}: a key does not belong there, name its file with "apiKeyFile"`,
      `"inputs" in ${config}: expected on the command line`,
      'CALLERS_BASE_URL: expected an address such as https://api.callers.ai, found "nonsense"',
      `"concurrency" in ${config}: expected a whole number from 1 to 1024, found 0`,
      `"ratee" in ${config}: no such option (did you mean rate?)`,
    ]);
  });

  it("may name a key's file, over which a key in the environment wins", () => {
    const config = file('import.json', JSON.stringify({ apiKeyFile: file('key', 'from-config') }));
    expect(resolved({ apiKey: undefined, config }).apiKey).toBe('from-config');
    expect(resolved({ apiKey: undefined, config }, { CALLERS_API_KEY: 'from-env' }).apiKey).toBe('from-env');
  });

  it("may hold the screen's options, which aren't the import's", () => {
    expect(problems({ config: file('import.json', '\uFEFF{"json": true, "logLevel": "debug", "progress": false}') })).toEqual([]);
  });

  it('count as not given where they are empty', () => {
    expect(resolved({}, { CALLERS_BASE_URL: '', MEMORY_IMPORT_LEDGER: '' })).toEqual(resolved());
  });

  it.each(['[]', '{', 'null', '"x"'])('a file that holds %s is refused', (content) => {
    expect(problems({ config: file('import.json', content) })).toEqual([expect.stringMatching(/^--config: expected a JSON/)]);
  });

  it('a file that is no config is not shown: it may be the one with the key', () => {
    expect(problems({ config: file('key', 's3cret') }).join()).not.toContain('s3cret');
    expect(problems({ config: file('key', '"s3cret"') }).join()).not.toContain('s3cret');
  });

  it('do not take what every object has for an option of theirs', () => {
    const config = file('import.json', '{"toString": 1}');
    expect(problems({ config })).toEqual([`"toString" in ${config}: no such option`]);
  });

  it('a file that is not there is refused', () => {
    expect(problems({ config: '/no/such.json' })).toEqual([expect.stringMatching(/^--config: .*ENOENT/)]);
  });
});
