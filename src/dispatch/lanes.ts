/** Work in lanes: one item of a lane at a time, in the order given; lanes side by side. A lane exists only while it has work. */
export interface Lanes<T> {
  add(lane: string, item: T): void;
  /** Lanes that have work. */
  readonly count: number;
  /** Those of them whose work has left its place, and only waits. */
  readonly waiting: number;
}

export interface LaneOptions<T> {
  /** So many items are begun at the same time; the others are no more than an entry of a queue. */
  readonly places: number;
  /**
   * Must not throw: there is nobody to catch it. Its lane is busy until it resolves; `leavePlace` lets another lane begin before that,
   * where what is left is waiting.
   */
  readonly run: (item: T, leavePlace: () => void) => Promise<void>;
  /** Called when fewer lanes may have work for a place than before. */
  readonly onEase?: () => void;
}

interface Lane<T> {
  readonly name: string;
  readonly items: T[];
  /** Items before this one are done; the array gives them back from time to time. */
  next: number;
}

/** Done items that a lane holds before it gives them back. */
const KEPT = 256;

export function createLanes<T>({ places, run, onEase = () => {} }: LaneOptions<T>): Lanes<T> {
  const lanes = new Map<string, Lane<T>>();
  const ready: Lane<T>[] = [];
  let nextReady = 0;
  let free = places;
  let waiting = 0;

  const begin = (): void => {
    while (free > 0) {
      const lane = ready[nextReady];
      if (lane === undefined) break;
      nextReady++;
      free--;
      void work(lane);
    }
    if (nextReady > KEPT) {
      ready.splice(0, nextReady);
      nextReady = 0;
    }
  };

  const work = async (lane: Lane<T>): Promise<void> => {
    let placed = true;
    await run(lane.items[lane.next]!, () => {
      if (!placed) return;
      placed = false;
      free++;
      waiting++;
      begin();
      onEase();
    });
    if (placed) free++;
    else waiting--;
    placed = false;
    lane.next++;
    if (lane.next === lane.items.length) lanes.delete(lane.name);
    else {
      if (lane.next === KEPT) {
        lane.items.splice(0, KEPT);
        lane.next = 0;
      }
      // At the end of the queue: a contact with thousands of notes takes turns with the others.
      ready.push(lane);
    }
    begin();
    onEase();
  };

  return {
    add(name, item) {
      const lane = lanes.get(name);
      if (lane !== undefined) {
        lane.items.push(item);
        return;
      }
      const begun: Lane<T> = { name, items: [item], next: 0 };
      lanes.set(name, begun);
      ready.push(begun);
      begin();
    },
    get count() {
      return lanes.size;
    },
    get waiting() {
      return waiting;
    },
  };
}
