import { expect, it } from 'vitest';
import { startParser } from '../../../src/read/csv.js';

const LINES = Buffer.from('a,1\nb,2\nc,3\n');

it('an error of whoever takes the records is the parser’s: no later record is given, and nobody waits for ever', async () => {
  const taken: string[] = [];
  const parser = startParser({
    delimiter: ',',
    onRecord: ([first]) => {
      taken.push(first!);
      if (first === 'b') throw new Error('no room');
    },
  });
  await expect(parser.write(LINES)).rejects.toThrow('no room');
  expect(taken).toEqual(['a', 'b']);
  await expect(parser.end()).rejects.toThrow('no room');
});

it('records come with the offset behind their line end', async () => {
  const ends: (readonly [string, number])[] = [];
  const parser = startParser({ delimiter: ',', onRecord: ([first], end) => ends.push([first!, end]) });
  expect(await parser.write(Buffer.concat([LINES, Buffer.from('"d\n",4')]))).toBeNull();
  expect(await parser.end()).toBeNull();
  expect(ends).toEqual([
    ['a', 4],
    ['b', 8],
    ['c', 12],
    ['d\n', 18],
  ]);
});
