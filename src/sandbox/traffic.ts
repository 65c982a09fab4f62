/** One request as the sandbox saw it. */
export interface RequestRecord {
  readonly method: string;
  /** As it came, encoded, with its query. */
  readonly path: string;
  /** null for paths that name none. */
  readonly contactId: string | null;
  readonly subOrg: string | null;
  /** What it got; null while it is under way. */
  readonly status: number | 'reset' | 'hang' | null;
  /** When it arrived, epoch milliseconds of the sandbox's clock, unskewed. */
  readonly at: number;
  readonly authorization: string | null;
}

/** A request under way. */
export interface Visit {
  readonly index: number;
  readonly record: RequestRecord;
}

export interface Traffic {
  arrive(request: Omit<RequestRecord, 'status'>): Visit;
  /** Its answer is decided. To be called before the answer leaves, or the client's next request could seem to overlap this one. */
  answer(visit: Visit, status: number | 'reset' | 'hang'): void;
  /** The client closed the connection: for it the request is over, whatever the server still does. */
  leave(visit: Visit): void;
  requests(): readonly RequestRecord[];
  requestCount(): number;
  byStatus(): Readonly<Record<string, number>>;
  peakConcurrency(): number;
  /** Pairs of creates of one contact that were under way together. */
  overlaps(): number;
}

/** Keeps the books: what came, what it got, how much was under way at once. Remembers the newest `keepRequests` records. */
export function traffic(keepRequests: number): Traffic {
  const statuses = new Map<number | string, number>();
  // Almost always there is one create of a contact, so no set is made for it; the others wait in `more`.
  const creating = new Map<string, OpenVisit>();
  const more = new Map<string, Set<OpenVisit>>();
  let log: RequestRecord[] = [];
  let count = 0;
  let underWay = 0;
  let peak = 0;
  let overlapping = 0;

  function close(visit: OpenVisit): void {
    if (!visit.open) return;
    visit.open = false;
    underWay -= 1;
    const lane = laneOf(visit.record);
    if (lane === null) return;
    if (creating.get(lane) === visit) creating.delete(lane);
    else more.get(lane)?.delete(visit);
  }

  function joinLane(lane: string, visit: OpenVisit): void {
    const first = creating.get(lane);
    const others = more.get(lane);
    if (first !== undefined) noteOverlap(first);
    if (others !== undefined) for (const other of others) noteOverlap(other);
    if (first === undefined) creating.set(lane, visit);
    else if (others === undefined) more.set(lane, new Set([visit]));
    else others.add(visit);
  }

  // A client that gave up on a request and then sent another did nothing wrong, yet both events may come in one turn of the
  // event loop, in either order: only after that turn is it known whether the other one's client was gone.
  function noteOverlap(other: OpenVisit): void {
    setImmediate(() => {
      if (!other.left) overlapping += 1;
    });
  }

  return {
    arrive(request) {
      const visit: OpenVisit = { index: count, record: { ...request, status: null }, open: true, left: false };
      count += 1;
      underWay += 1;
      peak = Math.max(peak, underWay);
      const lane = laneOf(visit.record);
      if (lane !== null) joinLane(lane, visit);
      log.push(visit.record);
      // Cut now and then, not each time: shifting a long array is slow.
      if (log.length > 2 * keepRequests + 1000) log = newest(log, keepRequests);
      return visit;
    },
    answer(arrived, status) {
      const visit = own(arrived);
      visit.record.status = status;
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (status !== 'hang') close(visit);
    },
    leave(arrived) {
      const visit = own(arrived);
      visit.left = visit.open;
      close(visit);
    },
    requests: () => newest(log, keepRequests),
    requestCount: () => count,
    byStatus: () => Object.fromEntries([...statuses]),
    peakConcurrency: () => peak,
    overlaps: () => overlapping,
  };
}

interface OpenVisit extends Visit {
  readonly record: { -readonly [Field in keyof RequestRecord]: RequestRecord[Field] };
  open: boolean;
  left: boolean;
}

// Every visit comes from `arrive`, which makes open ones; outside they are read-only.
function own(visit: Visit): OpenVisit {
  return visit as OpenVisit;
}

function laneOf(record: RequestRecord): string | null {
  return record.method === 'POST' ? record.contactId : null;
}

function newest(log: readonly RequestRecord[], keep: number): RequestRecord[] {
  return log.slice(Math.max(0, log.length - keep));
}
