import { assertNever, type Verdict } from '../model.js';
import { createRedactor, type Redactor } from '../redact.js';
import { answerMessage, statusLine } from './answer-message.js';
import type { ListAnswer } from './api.js';
import { headerValue, type ResponseHeaders } from './headers.js';
import { readApiError, readCreated, readList } from './memory.js';
import { refusalWaitMs, retryAfterMs } from './retry-after.js';

/** How one HTTP exchange ended. Where a status line was read it is `answered`, whatever became of the body. */
export type Exchange = Answered | Failed;

interface Answered {
  readonly kind: 'answered';
  readonly status: number;
  readonly headers: ResponseHeaders;
  /** What was read of the body, up to the limit; null where it can't be decoded. */
  readonly body: string | null;
  /** `cut_off` by the connection or the deadline; `too_long` for our limit, where reading stopped. */
  readonly bodyEnd: 'complete' | 'cut_off' | 'too_long';
  /** Our clock when the status was read, epoch milliseconds. */
  readonly receivedAt: number;
}

interface Failed {
  readonly kind: 'failed';
  /** False only if certainly no byte of the request was written. */
  readonly sent: boolean;
  readonly code: string;
  /** For a person. */
  readonly message: string;
}

/**
 * What the exchange says of the memory that was asked for; each status and each error has exactly one verdict. A definite
 * no needs a status that means one: everything else, once the first byte was written, is doubt. See "What an answer means"
 * in the protocol.
 *
 * @param redactor takes the key out of messages and details
 */
export function classifyCreate(exchange: Exchange, redactor: Redactor = NOTHING_SECRET): Verdict {
  if (exchange.kind === 'failed') {
    const { sent, code } = exchange;
    const message = redactor.text(exchange.message);
    return sent ? { kind: 'doubt', class: 'network', status: null, message } : { kind: 'not_sent', code, message };
  }
  const { status } = exchange;
  const meaning = meaningOf(exchange);
  switch (meaning.kind) {
    case 'created':
      return { kind: 'created', memory: readCreated(exchange.body) };
    case 'unauthorized':
      return { kind: 'unauthorized', message: messageOf(exchange, redactor) };
    case 'rate_limited':
      return { kind: 'rate_limited', status, retryAfterMs: meaning.retryAfterMs, message: messageOf(exchange, redactor) };
    case 'refused':
      return refusal(exchange, redactor);
    case 'unclear':
      return { kind: 'doubt', class: 'server_error', status, message: messageOf(exchange, redactor) };
    default:
      return assertNever(meaning);
  }
}

/** What the exchange says of a contact's memories: the part of {@link ListAnswer} that the answer decides. */
type ListVerdict = ListAnswer extends infer Answer
  ? Answer extends unknown
    ? Omit<Answer, 'status' | 'durationMs' | 'pacing'>
    : never
  : never;

/** Only a whole, readable 200 is a list: absence will be concluded from it. */
export function classifyList(exchange: Exchange, redactor: Redactor = NOTHING_SECRET): ListVerdict {
  if (exchange.kind === 'failed') return { kind: 'unlisted', outage: true, message: redactor.text(exchange.message) };
  const { status, headers } = exchange;
  if (status === 200) return classifyListBody(exchange);
  const meaning = meaningOf(exchange);
  if (meaning.kind === 'unauthorized') return { kind: 'unauthorized', message: messageOf(exchange, redactor) };
  if (meaning.kind === 'rate_limited') {
    return { kind: 'rate_limited', retryAfterMs: refusalWaitMs(headers, exchange.receivedAt), message: messageOf(exchange, redactor) };
  }
  const message = messageOf(exchange, redactor);
  if (meaning.kind === 'refused') {
    const verdict = refusal(exchange, redactor);
    const isApi = verdict.kind === 'refused' && verdict.fromApi;
    return { kind: 'unlisted', outage: false, refusedBy: isApi ? 'api' : 'stranger', message };
  }
  return { kind: 'unlisted', outage: meaning.kind === 'unclear' && (status >= 500 || status === 408), message };
}

const NOTHING_SECRET = createRedactor([], '');

type Meaning =
  | { readonly kind: 'created' | 'unauthorized' | 'refused' | 'unclear' }
  | { readonly kind: 'rate_limited'; readonly retryAfterMs: number | null };

function meaningOf({ status, headers, receivedAt }: Answered): Meaning {
  if (status === 201) return CREATED;
  if (status === 401) return UNAUTHORIZED;
  if (status === 429) return { kind: 'rate_limited', retryAfterMs: refusalWaitMs(headers, receivedAt) };
  if (status === 503) {
    // A Retry-After that says nothing readable isn't taken for a promise that nothing was created.
    const wait = retryAfterMs(headers, receivedAt);
    return wait === null ? UNCLEAR : { kind: 'rate_limited', retryAfterMs: wait };
  }
  return status >= 300 && status < 500 && status !== 408 ? REFUSED : UNCLEAR;
}

const CREATED: Meaning = { kind: 'created' };
const UNAUTHORIZED: Meaning = { kind: 'unauthorized' };
const REFUSED: Meaning = { kind: 'refused' };
const UNCLEAR: Meaning = { kind: 'unclear' };

function refusal(answer: Answered, redactor: Redactor): Verdict {
  const { status } = answer;
  // A redirect and a proxy's demand for credentials are never the API's, whatever their bodies look like.
  const api = status < 400 || status === 407 ? null : readApiError(answer.body);
  return {
    kind: 'refused',
    class: refusalClass(status, api !== null),
    status,
    message: answerMessage(answer, api?.message ?? null, redactor.text),
    details: redactor.deep(api?.data ?? null),
    fromApi: api !== null,
  };
}

/** A 400 or 404 page of a proxy is neither a bad note nor a missing contact. */
function refusalClass(status: number, fromApi: boolean): 'bad_request' | 'not_found' | 'forbidden' | 'rejected' {
  if (status === 403) return 'forbidden';
  if (fromApi && status === 400) return 'bad_request';
  if (fromApi && status === 404) return 'not_found';
  return 'rejected';
}

function messageOf(answer: Answered, redactor: Redactor): string {
  return answerMessage(answer, readApiError(answer.body)?.message ?? null, redactor.text);
}

/** The messages quote nothing of the body: it holds notes. */
function classifyListBody(answer: Answered): ListVerdict {
  const where = `${statusLine(answer.status)}, but no list of memories`;
  if (answer.bodyEnd === 'cut_off') return { kind: 'unlisted', outage: true, message: `${where}: the body was cut off` };
  if (answer.bodyEnd === 'too_long') return { kind: 'unlisted', outage: false, message: `${where}: the body is too long to be read` };
  if (/\brel="?next\b/i.test(headerValue(answer.headers, 'link') ?? '')) {
    return { kind: 'unlisted', outage: false, message: `${where}: the Link header says that it is one page of more` };
  }
  const list = readList(answer.body);
  if ('problem' in list) return { kind: 'unlisted', outage: false, message: `${where}: ${list.problem}` };
  return { kind: 'listed', memories: list.memories };
}
