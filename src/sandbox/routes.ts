import type { CreatedBody, ListQuirks } from './options.js';
import { htmlReply, jsonReply, type Reply } from './reply.js';
import type { MemoryStore, StoredMemory } from './store.js';
import { type FieldProblem, noteProblems, parseNote } from './validation.js';

/** A request to the API, parsed as far as HTTP goes. */
export interface ApiCall {
  readonly verb: 'create' | 'list' | 'delete';
  /** Of the path, decoded: a contact's for create and list (a phone number where there is a campaign), a memory's for delete. */
  readonly id: string;
  readonly campaign: string | null;
  readonly subOrg: string | null;
  readonly authorization: string | null;
  /** create: the body as it came. */
  readonly body: string | null;
  /** list: the filter of the query. */
  readonly status: string | null;
}

export interface ApiSettings {
  readonly apiKey: string;
  readonly missing: ReadonlySet<string>;
  readonly foreignSubOrgs: ReadonlySet<string>;
  readonly lists: ListQuirks;
  readonly createdBody: CreatedBody;
  readonly clockSkewMs: number;
  readonly now: () => number;
}

/** The API itself: what the vendor's reference says of each call. It knows nothing of faults; the reply says what was done. */
export function callersApi(store: MemoryStore, settings: ApiSettings): (call: ApiCall) => Reply {
  let listsAnswered = 0;
  let lastNow = Number.NaN;
  let lastTime = '';

  return (call) => {
    if (call.authorization !== settings.apiKey) return refusal(401, 'The API key is missing or unknown');
    switch (call.verb) {
      case 'create':
        return create(call);
      case 'list':
        return list(call);
      case 'delete':
        return remove(call);
    }
  };

  function create(call: ApiCall): Reply {
    const problem = call.campaign === null ? contactIdProblem(call.id) : phoneNumberProblem(call.id);
    if (problem !== null) return invalid([problem]);
    const note = parseNote(call.body);
    if (typeof note === 'string') return invalid([{ field: 'body', message: note }]);
    const problems = noteProblems(note);
    if (problems.length > 0) return invalid(problems);
    const stop = addressRefusal(call);
    if (stop !== null) return stop;
    const now = settings.now();
    const memory = store.add({
      contactId: call.campaign === null ? call.id : contactWithNumber(call.id),
      phoneNumber: call.campaign === null ? null : call.id,
      campaignId: call.campaign,
      subOrg: call.subOrg,
      // Both are strings: `noteProblems` found nothing.
      name: note.name as string,
      text: note.text as string,
      createdAt: serverTime(now),
      visibleFrom: now + (settings.lists.lateMs ?? 0),
    });
    return createdReply(memory, settings.createdBody);
  }

  function list(call: ApiCall): Reply {
    const problem = contactIdProblem(call.id) ?? statusProblem(call.status);
    if (problem !== null) return invalid([problem]);
    listsAnswered += 1;
    const { failFirst = 0, status, newestFirst, pageSize, omitCreatedAt, showDeleted } = settings.lists;
    if (listsAnswered <= failFirst) return refusal(500, 'Internal server error');
    if (status !== undefined) return htmlReply(status, 'No list here');
    const stop = addressRefusal(call);
    if (stop !== null) return stop;
    const now = settings.now();
    const shown = store
      .of(call.id, call.subOrg)
      .filter(
        (memory) =>
          (call.status === null ? showDeleted === true || memory.status !== 'DELETED' : memory.status === call.status) &&
          memory.visibleFrom <= now,
      );
    if (newestFirst) shown.reverse();
    const page = pageSize === undefined ? shown : shown.slice(0, pageSize);
    const withoutDate = omitCreatedAt ? { createdAt: undefined } : {};
    return jsonReply(200, { status: 'success', data: page.map((memory) => ({ ...wire(memory), ...withoutDate })) });
  }

  function remove(call: ApiCall): Reply {
    if (isForeign(call.subOrg)) return foreign();
    const deleted = store.delete({ id: call.id, subOrg: call.subOrg, at: serverTime(settings.now()) });
    return deleted === undefined ? refusal(404, 'Memory not found') : jsonReply(200, { status: 'success', data: wire(deleted) });
  }

  function addressRefusal(call: ApiCall): Reply | null {
    if (settings.missing.has(call.id)) return refusal(404, 'Contact not found');
    return isForeign(call.subOrg) ? foreign() : null;
  }

  function isForeign(subOrg: string | null): boolean {
    return subOrg !== null && settings.foreignSubOrgs.has(subOrg);
  }

  // Many memories are of one millisecond, and making the text is dear.
  function serverTime(now: number): string {
    if (now !== lastNow) {
      lastNow = now;
      lastTime = new Date(now + settings.clockSkewMs).toISOString();
    }
    return lastTime;
  }
}

/** The API's own form of an error without `data`. */
export function refusal(status: number, message: string): Reply {
  return jsonReply(status, { status: 'error', message });
}

function invalid(problems: readonly FieldProblem[]): Reply {
  const message = `Validation failed: ${problems.map(({ field }) => field).join(', ')}`;
  return jsonReply(400, { status: 'error', message, data: problems });
}

function foreign(): Reply {
  return refusal(403, 'The sub organization does not belong to your organization');
}

const CONTACT_ID = /^[A-Za-z0-9._@:+-]{1,64}$/;

function contactIdProblem(contactId: string): FieldProblem | null {
  if (CONTACT_ID.test(contactId)) return null;
  return { field: 'contactId', message: 'contactId must be 1 to 64 characters of letters, digits and . _ @ : + -' };
}

const PHONE_NUMBER = /^\+?\d{5,15}$/;

function phoneNumberProblem(phoneNumber: string): FieldProblem | null {
  if (PHONE_NUMBER.test(phoneNumber)) return null;
  return { field: 'phoneNumber', message: 'phoneNumber must be 5 to 15 digits, with or without a + before them' };
}

/** Every number has a contact, one whatever the campaign. */
function contactWithNumber(phoneNumber: string): string {
  return `phone-${phoneNumber.replace('+', '')}`;
}

function statusProblem(status: string | null): FieldProblem | null {
  if (status === null || status === 'ACTUAL' || status === 'OUTDATED' || status === 'DELETED') return null;
  return { field: 'status', message: 'status must be one of ACTUAL, OUTDATED, DELETED' };
}

function createdReply(memory: StoredMemory, body: CreatedBody): Reply {
  const data = wire(memory);
  const full = jsonReply(201, { status: 'success', data });
  switch (body) {
    case 'full':
      return full;
    case 'empty':
      return { kind: 'answer', status: 201, headers: {}, body: '' };
    case 'cut':
      return { ...full, kind: 'cut' } as Reply; // A JSON reply is an answer, which `cut` has all fields of.
    case 'html':
      return htmlReply(201, 'Created');
    case 'no-id':
      return jsonReply(201, { status: 'success', data: { ...data, id: undefined } });
  }
}

/** Memory, as the reference lists its fields. */
function wire(memory: StoredMemory) {
  return {
    id: memory.id,
    name: memory.name,
    text: memory.text,
    status: memory.status,
    phoneNumber: memory.phoneNumber ?? '+15550100',
    campaignId: memory.campaignId ?? 'campaign-of-the-sandbox',
    createdAt: memory.createdAt,
    contactId: memory.contactId,
    ...(memory.updatedAt === null ? {} : { updatedAt: memory.updatedAt }),
  };
}
