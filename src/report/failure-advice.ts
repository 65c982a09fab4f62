import type { Counts, FailureClass } from '../model.js';
import { FAILURE_CLASSES, FAILURE_COUNT_NAMES } from '../model.js';

/** What a class means, and what to do about it. */
export const ADVICE: Readonly<Record<FailureClass, string>> = {
  malformed: 'not a readable CSV record: mend it in malformed.csv and import that',
  invalid: "against the API's limits: mend the cells",
  bad_request: 'refused by the API as wrong: see _message and _details',
  not_found: 'no such contact: mend the contactId, or add the contact first',
  forbidden: "not allowed: is the sub organization the key's own?",
  rejected: 'refused for good: see _status and _message',
  rate_limited: 'the API still asked for patience when time was up',
  server_error: 'the server failed, again and again',
  network: 'no answer could be had',
  in_doubt: "sent, and can't be proved to be there or not: the next run looks again",
  held: 'not sent, to keep the order behind an earlier note of the contact',
};

/** The same command again is all they need. */
export const PASSING: readonly FailureClass[] = ['rate_limited', 'server_error', 'network', 'in_doubt', 'held'];

/** The classes that a run has, in the order of the contract. */
export function presentClasses(counts: Counts): readonly FailureClass[] {
  return FAILURE_CLASSES.filter((name) => failuresOf(counts, name) > 0);
}

export function failuresOf(counts: Counts, name: FailureClass): number {
  return counts.failures[FAILURE_COUNT_NAMES[name]];
}
