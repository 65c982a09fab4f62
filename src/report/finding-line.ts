import type { Finding } from '../model-plan.js';

/** A finding in one line. */
export function findingLine({ finding, row, line, column, count, message }: Finding): string {
  const place = row === null ? '' : `row ${row} (line ${line})${column === null ? '' : `, column ${JSON.stringify(column)}`}: `;
  return `${finding}: ${place}${message}${count > 1 ? `; ${count} such rows were seen` : ''}`;
}
