import { setFlagsFromString } from 'node:v8';
import type { ImportEvent } from '../model.js';

/** Below this the heap is small anyway, and the collections would only cost time; at 10,000 it has grown already, and stays so for a while. */
const ROWS = 2000;

/**
 * Keeps the old space small in a long run. Rows outlive a young collection or two and die in the old space, which V8 would let grow to
 * three times what is alive before it looks: measured at 60,000 rows, 190 MB resident instead of 150, for no speed. V8 asks the flag anew
 * at each collection; Node 20 to 26 know it. It is the process's, so it is the command line that sets it, never the library.
 */
export function keepHeapSmall(): (event: ImportEvent) => void {
  let isSet = false;
  return (event) => {
    if (isSet || event.type !== 'bytes_read' || event.rows < ROWS) return;
    isSet = true;
    setFlagsFromString('--heap-growing-percent=30');
  };
}
