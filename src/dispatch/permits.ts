/** A counting semaphore: what bounds the rows in memory, and how many notes are claimed ahead of their requests. */
export interface Permits {
  /** Resolves when `weight` fits. One that is heavier than all permits together waits until it is alone. First come, first served. */
  acquire(weight: number): Promise<void>;
  /** Takes them if they fit at once. */
  tryAcquire(weight: number): boolean;
  release(weight: number): void;
  /** Where more may be held now: lets in who waits for it. */
  renew(): void;
  /** Resolves when nothing is held. */
  idle(): Promise<void>;
}

/** @param total how much may be held; a function is asked anew whenever something is released, and by `renew` */
export function createPermits(total: number | (() => number)): Permits {
  let held = 0;
  let holders = 0;
  const waiting: { readonly weight: number; readonly resolve: () => void }[] = [];
  let idleWaiters: (() => void)[] = [];

  const fits = (weight: number): boolean => holders === 0 || held + weight <= (typeof total === 'number' ? total : total());
  const take = (weight: number): void => {
    held += weight;
    holders++;
  };

  const renew = (): void => {
    while (waiting[0] !== undefined && fits(waiting[0].weight)) {
      const next = waiting.shift()!;
      take(next.weight);
      next.resolve();
    }
  };

  const tryAcquire = (weight: number): boolean => {
    if (waiting.length > 0 || !fits(weight)) return false;
    take(weight);
    return true;
  };

  return {
    tryAcquire,
    acquire: (weight) => (tryAcquire(weight) ? Promise.resolve() : new Promise((resolve) => waiting.push({ weight, resolve }))),
    renew,
    release(weight) {
      held -= weight;
      holders--;
      renew();
      if (holders === 0) {
        for (const resolve of idleWaiters) resolve();
        idleWaiters = [];
      }
    },
    idle: () => (holders === 0 ? Promise.resolve() : new Promise((resolve) => idleWaiters.push(resolve))),
  };
}
