/** Runs each act so many milliseconds after it was given: all wait equally long, so one queue and one timer do for all. */
export function createDelay(ms: number): (act: () => void) => void {
  const waiting: { readonly due: number; readonly act: () => void }[] = [];
  let next = 0;

  const runDue = (): void => {
    const now = performance.now();
    for (let first = waiting[next]; first !== undefined && first.due <= now; first = waiting[next]) {
      next++;
      first.act();
    }
    const first = waiting[next];
    if (first !== undefined) setTimeout(runDue, Math.max(1, first.due - now));
    if (first === undefined || next > KEPT) {
      waiting.splice(0, next);
      next = 0;
    }
  };

  return (act) => {
    waiting.push({ due: performance.now() + ms, act });
    if (waiting.length === 1) setTimeout(runDue, ms);
  };
}

/** Acts that were run and still stand in the queue. */
const KEPT = 1024;
