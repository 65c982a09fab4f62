/** What must be over some time after it began. All have the same time, so one timer serves them, in the order in which they began. */
export interface Deadlines<T> {
  begin(item: T): void;
  /** It is over in time. */
  end(item: T): void;
}

/** Latest timers of Node; a longer time comes again. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** @param onDue called once for each item that wasn't ended `afterMs` milliseconds after it began */
export function createDeadlines<T>(afterMs: number, onDue: (item: T) => void): Deadlines<T> {
  // The oldest is the first.
  const items = new Map<T, number>();
  let timer: NodeJS.Timeout | null = null;

  const wait = (ms: number): void => {
    timer = setTimeout(wake, Math.min(Math.max(1, Math.ceil(ms)), MAX_TIMER_MS));
  };
  // After a long pause of this process the answer may lie in the socket already: it is read before the deadline counts.
  const wake = (): void => void setImmediate(expire);
  const expire = (): void => {
    timer = null;
    const now = performance.now();
    for (const [item, due] of items) {
      if (due > now) {
        wait(due - now);
        return;
      }
      items.delete(item);
      onDue(item);
    }
  };

  return {
    begin(item) {
      items.set(item, performance.now() + afterMs);
      if (timer === null) wait(afterMs);
      // One that was left over from earlier items comes before any of these is due.
      else if (items.size === 1) timer.ref();
    },
    end(item) {
      // A process that has nothing else to wait for isn't kept for it.
      if (items.delete(item) && items.size === 0) timer?.unref();
    },
  };
}
