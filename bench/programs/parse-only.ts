import { createReadStream } from 'node:fs';
import { parse } from 'csv-parse';

// csv-parse alone: every row of a file read, and nothing done with it.

let rows = 0;
const parser = createReadStream(process.argv[2] ?? '').pipe(parse({ bom: true, from_line: 2 }));
parser.on('data', () => rows++);
await new Promise((resolve, reject) => parser.on('end', resolve).on('error', reject));
console.log(JSON.stringify({ rows }));
