import { assertNever } from '../model.js';
import type { Redactor } from '../redact.js';
import type { RemoveAnswer } from './api.js';
import { classifyCreate, type Exchange } from './classify.js';
import { readSuccess } from './memory.js';

/** The part of a {@link RemoveAnswer} that the answer decides. */
type RemoveVerdict = RemoveAnswer extends infer Answer
  ? Answer extends unknown
    ? Omit<Answer, 'status' | 'durationMs' | 'pacing'>
    : never
  : never;

/**
 * What the exchange says of the memory that was to be deleted. Deleted is what the API itself says is; gone is its own 404: a page of a
 * proxy, whatever its status, is neither. Everything that isn't a definite word is a failure, since asking again does no harm.
 */
export function classifyRemove(exchange: Exchange, redactor: Redactor): RemoveVerdict {
  if (exchange.kind === 'answered' && saysDeleted(exchange)) return { kind: 'deleted' };
  // Refusals, patience and silence mean the same as for a create.
  const verdict = classifyCreate(exchange, redactor);
  switch (verdict.kind) {
    case 'unauthorized':
      return { kind: 'unauthorized', message: verdict.message };
    case 'rate_limited':
      return { kind: 'rate_limited', retryAfterMs: verdict.retryAfterMs, message: verdict.message };
    case 'refused':
      if (verdict.class === 'not_found') return { kind: 'gone', message: verdict.message };
      return { kind: 'refused', fromApi: verdict.fromApi, message: verdict.message };
    case 'not_sent':
      return { kind: 'failed', sent: false, message: verdict.message };
    case 'doubt':
      return { kind: 'failed', sent: true, message: verdict.message };
    case 'created':
      return { kind: 'failed', sent: true, message: '201 Created is no answer to a DELETE' };
    default:
      return assertNever(verdict);
  }
}

function saysDeleted({ status, body, bodyEnd }: Extract<Exchange, { kind: 'answered' }>): boolean {
  return status === 204 || (status === 200 && bodyEnd === 'complete' && readSuccess(body));
}
