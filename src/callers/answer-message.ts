import { STATUS_CODES } from 'node:http';
import { shorten } from '../shorten.js';
import { headerValue, type ResponseHeaders } from './headers.js';

/**
 * What an answer says, for a person: the API's own words where there are some, otherwise the status line with the title
 * of the page or the beginning of the text, or where a redirect pointed. At most some 1000 characters.
 *
 * @param apiMessage the API's `message`, null where the answer isn't the API's own
 * @param redact takes secrets out; called before anything is shortened
 */
export function answerMessage(
  answer: { readonly status: number; readonly headers: ResponseHeaders; readonly body: string | null },
  apiMessage: string | null,
  redact: (text: string) => string,
): string {
  if (apiMessage !== null && apiMessage.trim() !== '') return shorten(redact(apiMessage.slice(0, MAX_SEARCHED_LENGTH)), MAX_MESSAGE_LENGTH);
  const line = statusLine(answer.status);
  if (answer.status >= 300 && answer.status < 400) {
    const target = redirectTarget(headerValue(answer.headers, 'location'), redact);
    return `${line}${target === null ? '' : `: points to ${target}`}; redirects aren't followed, check --base-url`;
  }
  // A page says what it is at its beginning; the bound keeps every search cheap whatever the server sends.
  const excerpt = plainExcerpt(
    answer.body === null ? '' : redact(answer.body.slice(0, MAX_SEARCHED_LENGTH + LONGEST_KEY)).slice(0, MAX_SEARCHED_LENGTH),
  );
  return excerpt === '' ? line : `${line}: ${excerpt}`;
}

/** `500 Internal Server Error`. */
export function statusLine(status: number): string {
  const phrase = STATUS_CODES[status];
  return phrase === undefined ? `${status}` : `${status} ${phrase}`;
}

const MAX_SEARCHED_LENGTH = 8192;
/** However it is spelled. Half of one at the cut would not be found. */
const LONGEST_KEY = 1024;
const MAX_MESSAGE_LENGTH = 1000;
const MAX_EXCERPT_LENGTH = 300;
const MAX_TARGET_LENGTH = 200;

/** Origin and path only: query, fragment and user information may hold secrets. */
function redirectTarget(location: string | null, redact: (text: string) => string): string | null {
  if (location === null) return null;
  try {
    const target = new URL(location, RELATIVE_BASE);
    const origin = target.origin === RELATIVE_BASE ? '' : `${target.protocol}//${target.host}`;
    return shorten(redact(`${origin}${target.pathname}`), MAX_TARGET_LENGTH);
  } catch {
    return null;
  }
}

const RELATIVE_BASE = 'http://relative.invalid';

function plainExcerpt(head: string): string {
  const title = /<title[^<>]*>([^<]+)/i.exec(head)?.[1];
  const text = title ?? (head.trimStart().startsWith('<') ? head.replace(/<(style|script)\b[\s\S]*?(<\/\1>|$)|<[^<>]*>/gi, ' ') : head);
  return shorten(text.replace(/[\s\p{Cc}]+/gu, ' ').trim(), MAX_EXCERPT_LENGTH);
}
