import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { addressOf, bodyOf, writeCurlConfig, writeXargsList } from '../inputs.js';
import { benchNotes } from '../notes.js';
import { PROGRAMS, SCRIPTS } from '../paths.js';
import { type Contender, canRun, isInstalled, type Work } from './contender.js';

export const bareLoop: Contender = {
  name: 'bare undici loop',
  what: 'Pool.request, body read, JSON parsed; the notes are in memory before the clock starts: no CSV, no ledger, no retries',
  share: 1,
  exact: true,
  missing: () => null,
  command: async ({ url, rows, connections }) => ({
    file: process.execPath,
    args: [join(PROGRAMS, 'bare-loop.js'), url, String(rows), String(connections)],
  }),
  // Of its loop alone, which it prints.
  read: ({ stdout }) => JSON.parse(stdout) as Work,
};

export const afternoonScript: Contender = {
  name: 'afternoon script',
  what: 'csv-parse + fetch + p-limit + p-retry, every row queued; no ledger',
  share: 0.1,
  exact: true,
  missing: () => null,
  command: async ({ csv, url, connections }) => ({
    file: process.execPath,
    args: [join(PROGRAMS, 'afternoon.js'), csv, url, String(connections)],
  }),
};

/** Debian's aiohttp belongs to Debian's Python, which needn't be the first in the path. */
const pythons = ['python3', '/usr/bin/python3'];
const pythonWithAiohttp = () => pythons.find((python) => canRun(python, ['-c', 'import aiohttp']));

export const aiohttp: Contender = {
  name: 'Python aiohttp',
  what: 'csv.DictReader, a session with so many workers, retries; no ledger',
  share: 0.15,
  exact: true,
  missing: () => (pythonWithAiohttp() === undefined ? 'no Python with aiohttp (Debian: python3-aiohttp)' : null),
  command: async ({ csv, url, connections }) => ({
    file: pythonWithAiohttp() ?? 'python3',
    args: [join(SCRIPTS, 'aiohttp_import.py'), csv, url, String(connections)],
  }),
};

export const curlParallel: Contender = {
  name: 'curl --parallel',
  what: 'a config file made beforehand, answers thrown away; no CSV, no ledger, no retries',
  share: 0.3,
  exact: true,
  missing: () => (isInstalled('curl') ? null : 'no curl'),
  command: async ({ rows, url, connections, scratch }) => {
    const config = join(scratch, 'curl.conf');
    await writeCurlConfig(config, { rows, url });
    return {
      file: 'curl',
      args: ['--silent', '--parallel', '--parallel-immediate', '--parallel-max', String(connections), '--config', config],
    };
  },
};

export const xargsCurl: Contender = {
  name: 'xargs -P + curl',
  what: 'a process for each note, list made beforehand',
  share: 0.005,
  exact: true,
  missing: () => (isInstalled('curl') && isInstalled('xargs') ? null : 'no curl or no xargs'),
  command: async ({ rows, url, connections, scratch }) => {
    const list = join(scratch, 'xargs.list');
    await writeXargsList(list, { rows, url });
    return {
      file: 'xargs',
      args: [
        ...['-0', '-n', '3', '-P', String(connections), 'curl', '--silent', '--output', '/dev/null'],
        ...['--header', 'authorization: key', '--header', 'content-type: application/json'],
      ],
      stdin: list,
    };
  },
};

const WRK_SECONDS = 4;

export const wrk: Contender = {
  name: 'wrk',
  what: 'a load generator in C, one fixed note, answers counted only: the ceiling of wire and stub',
  share: 1,
  exact: false,
  missing: () => (isInstalled('wrk') ? null : 'no wrk (Debian: wrk)'),
  command: async ({ url, connections }) => ({
    file: 'wrk',
    args: [
      ...['--threads', '1', '--connections', String(connections), '--duration', `${WRK_SECONDS}s`],
      ...['--script', join(SCRIPTS, 'post.lua'), `${url}/contacts/C-100000/memories`],
    ],
  }),
  read: ({ stdout, cpuSeconds }) => {
    const [, rows, seconds] = /(\d+) requests in ([\d.]+)s/.exec(stdout) ?? [];
    return { rows: Number(rows), seconds: Number(seconds), cpuSeconds };
  },
};

export const newman: Contender = {
  name: 'newman',
  what: 'a Postman collection, one iteration a row; one request at a time',
  share: 0.003,
  exact: true,
  missing: () => (isInstalled('newman') ? null : 'no newman (npm: newman)'),
  command: async ({ url, scratch, rows }) => {
    const collection = join(scratch, 'collection.json');
    const data = join(scratch, 'data.json');
    writeFileSync(collection, JSON.stringify(postmanCollection));
    const iterations = Array.from(benchNotes(rows), (note) => ({ address: addressOf(url, note), body: bodyOf(note) }));
    writeFileSync(data, JSON.stringify(iterations));
    return { file: 'newman', args: ['run', collection, '--iteration-data', data, '--silent'] };
  },
};

const postmanCollection = {
  info: { name: 'notes', schema: 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json' },
  item: [
    {
      name: 'create',
      request: {
        method: 'POST',
        header: [
          { key: 'authorization', value: 'key' },
          { key: 'content-type', value: 'application/json' },
        ],
        url: '{{address}}',
        body: { mode: 'raw', raw: '{{body}}' },
      },
    },
  ],
};
