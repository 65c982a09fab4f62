/** Work in lanes: one item of a lane at a time, in the order given; lanes side by side. A lane exists only while it has work. */
export interface Lanes<T> {
  /** `run` must not throw: there is nobody to catch it. */
  add(lane: string, item: T): void;
  readonly count: number;
}

export function createLanes<T>(run: (item: T) => Promise<void>): Lanes<T> {
  const lanes = new Map<string, T[]>();

  const drain = async (name: string, items: T[]): Promise<void> => {
    for (let next = 0; next < items.length; next++) {
      await run(items[next]!);
      // The array only grows while the lane lives; a long lane gives back what is done.
      if (next === 255) {
        items.splice(0, 256);
        next = -1;
      }
    }
    lanes.delete(name);
  };

  return {
    add(name, item) {
      const lane = lanes.get(name);
      if (lane !== undefined) {
        lane.push(item);
        return;
      }
      const items = [item];
      lanes.set(name, items);
      void drain(name, items);
    },
    get count() {
      return lanes.size;
    },
  };
}
