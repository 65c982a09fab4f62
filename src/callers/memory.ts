import type { ListedMemory } from './api.js';

/** Id, time and contact of a 201's body, or null where it has no id that can be trusted. Nothing else of the body is needed. */
export function readCreated(
  body: string | null,
): { readonly id: string; readonly createdAt: string | null; readonly contactId: string | null } | null {
  const answer = parseObject(body);
  const memory = answer === null ? null : asObject(answer.data);
  const id = memory === null ? null : readId(memory.id);
  if (memory === null || id === null) return null;
  return { id, createdAt: timeText(memory.createdAt), contactId: readId(memory.contactId) };
}

/**
 * The memories of a 200's body, or why it is no list. One item without a readable id, name or text spoils the whole list:
 * absence can't be concluded from a list of which a part can't be read. Items of every status are kept: a memory that is
 * `DELETED` or `OUTDATED` by now still proves that its create took place.
 */
export function readList(body: string | null): { readonly memories: readonly ListedMemory[] } | { readonly problem: string } {
  const answer = parseObject(body);
  if (answer === null) return { problem: "the body isn't a JSON object" };
  if (answer.status !== undefined && answer.status !== 'success') return { problem: "the body's status isn't success" };
  if (!Array.isArray(answer.data)) return { problem: "the body's data isn't an array" };
  if (saysThereIsMore(answer)) return { problem: 'the body says that it is one page of more' };
  const memories: ListedMemory[] = [];
  for (const item of answer.data) {
    const memory = readListed(item);
    if (memory === null) return { problem: `memory ${memories.length + 1} of ${answer.data.length} lacks a readable id, name or text` };
    memories.push(memory);
  }
  return { memories };
}

/** Whether it is the API's own yes: `{ "status": "success", … }`. */
export function readSuccess(body: string | null): boolean {
  return parseObject(body)?.status === 'success';
}

/** The API's own refusal: `{ "status": "error", "message": string, "data"?: … }`. null: the answer is somebody else's. */
export function readApiError(body: string | null): { readonly message: string; readonly data: unknown } | null {
  const answer = parseObject(body);
  if (answer === null || answer.status !== 'error' || typeof answer.message !== 'string') return null;
  return { message: answer.message, data: answer.data ?? null };
}

type JsonObject = Readonly<Record<string, unknown>>;

function parseObject(body: string | null): JsonObject | null {
  if (body === null) return null;
  try {
    return asObject(JSON.parse(body.charCodeAt(0) === BYTE_ORDER_MARK ? body.slice(1) : body));
  } catch {
    return null;
  }
}

const BYTE_ORDER_MARK = 0xfeff;

function asObject(value: unknown): JsonObject | null {
  // The check leaves plain JSON objects only, whose properties are unknown.
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
}

function readListed(item: unknown): ListedMemory | null {
  const memory = asObject(item);
  const id = memory === null ? null : readId(memory.id);
  if (memory === null || id === null || typeof memory.name !== 'string' || typeof memory.text !== 'string') return null;
  const created = readTime(memory.createdAt);
  const status = typeof memory.status === 'string' ? memory.status : null;
  return { id, name: memory.name, text: memory.text, status, createdAt: created.ms, createdAtText: created.text };
}

/** A number beyond 2^53 was rounded by JSON.parse: it would name another memory, which an undo would then delete. */
function readId(id: unknown): string | null {
  if (typeof id === 'number') return Number.isSafeInteger(id) ? String(id) : null;
  return typeof id === 'string' && id !== '' && id.length <= MAX_ID_LENGTH ? id : null;
}

const MAX_ID_LENGTH = 500;

/** As the server wrote it; null where it is no time. */
function timeText(value: unknown): string | null {
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : null;
  return typeof value === 'string' && value !== '' && value.length <= MAX_TIME_LENGTH ? value : null;
}

function readTime(value: unknown): { readonly text: string | null; readonly ms: number | null } {
  const text = timeText(value);
  if (text === null) return { text, ms: null };
  if (typeof value === 'number') return { text, ms: value >= EPOCH_MS_FROM ? value : value * 1000 };
  // Without a zone Date.parse would take the time for ours; a server's is UTC.
  const ms = Date.parse(ZONELESS.test(text) ? `${text.replace(' ', 'T')}Z` : text);
  return { text, ms: Number.isNaN(ms) ? null : ms };
}

const EPOCH_MS_FROM = 1e11;
const MAX_TIME_LENGTH = 64;
const ZONELESS = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?$/;

/** Pages aren't documented, so every usual way of announcing one is looked for. */
function saysThereIsMore(answer: JsonObject): boolean {
  for (const place of [answer, asObject(answer.meta), asObject(answer.pagination)]) {
    if (place === null) continue;
    if (place.hasMore === true || place.has_more === true || place.hasNext === true) return true;
    for (const name of NEXT_NAMES) if (typeof place[name] === 'string' && place[name] !== '') return true;
    // readList has checked that data is an array.
    if (typeof place.total === 'number' && place.total > (answer.data as unknown[]).length) return true;
  }
  return false;
}

const NEXT_NAMES = ['next', 'nextCursor', 'next_cursor', 'nextPage', 'nextPageToken'];
