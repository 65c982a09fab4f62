import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createFileOrder } from '../../../src/report/file-order.js';
import { inputWith, temporaryFolder } from './fixtures.js';

const input = inputWith();

async function restored(order: ReturnType<typeof createFileOrder>, content: string): Promise<string> {
  const folder = await temporaryFolder();
  const path = join(folder, 'failures.csv');
  await writeFile(path, content);
  await order.restore(path);
  expect(await readdir(folder)).toEqual(['failures.csv']);
  return readFile(path, 'utf8');
}

/** Each row as one block, in this order. */
function orderOf(rows: readonly number[], mostRows?: number) {
  const order = createFileOrder(mostRows);
  order.header(2);
  for (const row of rows) order.rows(Buffer.from(`${row}\n`), [{ input, row }]);
  return { order, content: `h\n${rows.map((row) => `${row}\n`).join('')}` };
}

describe('the order of a file', () => {
  test('is that of its rows’ numbers, also for more rows than were made room for at first', async () => {
    const rows = Array.from({ length: 5000 }, (_, i) => ((i * 1777) % 5000) + 1);
    const { order, content } = orderOf(rows);
    const expected = Array.from({ length: 5000 }, (_, i) => `${i + 1}\n`).join('');
    expect(await restored(order, content)).toBe(`h\n${expected}`);
  });

  test('stays as it is beyond the most rows', async () => {
    const { order, content } = orderOf([3, 2, 1], 3);
    expect(await restored(order, content)).toBe('h\n1\n2\n3\n');
    const more = orderOf([4, 3, 2, 1], 3);
    expect(await restored(more.order, more.content)).toBe(more.content);
  });

  test('stays as it is where the file isn’t the one that was written', async () => {
    const { order, content } = orderOf([2, 1]);
    expect(await restored(order, `${content}more`)).toBe(`${content}more`);
    const cut = orderOf([2, 1]);
    cut.order.rows(Buffer.from('"no end\n'), [{ input, row: 1 }]);
    expect(await restored(cut.order, `${cut.content}"no end\n`)).toBe(`${cut.content}"no end\n`);
  });
});
