import { parentPort, workerData } from 'node:worker_threads';
import { type BatchMessage, decodeBatch, encodeAnswers } from './batch-message.js';
import { openLedger } from './sqlite.js';
import type { Answer, Call, ThreadMode } from './sqlite-thread.js';
import { toPlain } from './thread-error.js';

// The thread of `sqlite-thread.ts`: the ledger in a file, called by messages.

if (parentPort === null) throw new Error('the ledger’s thread has no other thread to answer');
serve(parentPort);

function serve(port: NonNullable<typeof parentPort>): void {
  const send = (answer: Answer): void => port.postMessage(answer);
  try {
    const { openedAt, ...mode } = workerData as ThreadMode; // given by whoever started the thread
    let now = openedAt;
    const ledger = openLedger({ ...mode, now: () => now, ownThread: true });
    const answer = async ({ id, verb, args, at }: Call): Promise<void> => {
      now = at;
      try {
        if (verb === 'commit') {
          const answers = await ledger.commit(decodeBatch(args[0] as BatchMessage)); // what `sqlite-thread.ts` sends
          send({ id, value: encodeAnswers(answers) });
        } else {
          const work = ledger[verb] as (...given: readonly unknown[]) => Promise<unknown>; // the arguments are the verb's own
          send({ id, value: await work(...args) });
        }
      } catch (error) {
        send({ id, error: toPlain(error) });
      }
      if (verb === 'close') port.close();
    };
    port.on('message', (call: Call) => void answer(call));
    send({ opened: { wasEmpty: ledger.wasEmpty, hadCreated: ledger.hadCreated } });
  } catch (error) {
    send({ refused: toPlain(error) });
    port.close();
  }
}
