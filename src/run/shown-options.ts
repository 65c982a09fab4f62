import type { ResolvedOptions } from '../options.js';
import { formatCount, formatDuration } from '../report/format.js';
import { isOfNote, lengthOf } from './note-constants.js';

/**
 * The options of a run for people to read. Named one by one, so that none is shown by accident: never the key, no credentials in an
 * address, and not the constants that may be a note's name or text.
 */
export function shownOptions(options: ResolvedOptions): readonly (readonly [name: string, value: string])[] {
  const { rate, maxFailures, limit, only, subOrg, delimiter, encoding, idColumn, since } = options;
  const shown: readonly (readonly [string, string | null])[] = [
    ['--base-url', withoutCredentials(options.baseUrl.href)],
    ['--sub-org', subOrg],
    ['--map', fields(options.map, false)],
    ['--set', fields(options.set, true)],
    ['--html', options.html],
    ['--too-long', options.tooLong],
    ['--filter', conditions(options.filter)],
    ['--since', since === null ? null : `${since.column}=${new Date(since.fromMs).toISOString()}`],
    ['--delimiter', delimiter === '\t' ? 'tab' : (delimiter ?? 'auto')],
    ['--encoding', encoding ?? 'auto'],
    ['--ledger', options.ledger],
    ['--out', options.out],
    ['--concurrency', formatCount(options.concurrency)],
    ['--rate', rate === null ? null : `${rate} requests a second`],
    ['--retries', formatCount(options.retries)],
    ['--timeout', formatDuration(options.timeoutMs)],
    ['--give-up-after', formatDuration(options.giveUpAfterMs)],
    ['--max-failures', maxFailures === null ? null : 'rows' in maxFailures ? formatCount(maxFailures.rows) : `${maxFailures.percent}%`],
    ['--in-doubt', options.inDoubt],
    ['--reconcile-wait', formatDuration(options.reconcileWaitMs)],
    ['--id-column', idColumn],
    ['--same-account', options.sameAccount ? 'yes' : null],
    ['--adopt', options.adopt ? 'yes' : null],
    ['--order', options.order],
    ['--duplicates', options.duplicates],
    ['--limit', limit === null ? null : formatCount(limit)],
    ['--profile', typeof options.profile === 'string' ? options.profile : options.profile.id],
    ['--contacts', options.contacts],
    ['--campaign', options.campaign],
    ['--contact-separator', options.contactSeparator],
    ['--accept', options.accept.length === 0 ? null : options.accept.join(', ')],
    ['--excel', options.excel ? 'yes' : null],
    ['--only', only === null ? null : only.join(', ')],
  ];
  return shown.flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]));
}

function fields(byField: ResolvedOptions['set'], isConstant: boolean): string | null {
  const entries = Object.entries(byField);
  if (entries.length === 0) return null;
  return entries
    .map(([field, value]) => `${field}=${isConstant && isOfNote(field) ? `… (${lengthOf(value)} characters)` : value}`)
    .join(', ');
}

function conditions(filters: ResolvedOptions['filter']): string | null {
  return filters.length === 0 ? null : filters.map(({ column, isNot, value }) => `${column}${isNot ? '!=' : '='}${value}`).join(', ');
}

function withoutCredentials(address: string): string {
  return address.replace(/:\/\/[^/@\s]*@/, '://…@');
}
