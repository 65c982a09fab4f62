import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A pooler that gives each transaction whichever session was used last, as PgBouncer does in its transaction mode. */
export async function startPooler(server: URL): Promise<{ readonly port: number; close(): Promise<void> }> {
  const idle: Backend[] = [];
  const sockets = new Set<Socket>();
  const listener = createServer((client) => {
    sockets.add(client);
    client.on('error', () => {});
    let received = Buffer.alloc(0);
    let started = false;
    let backend: Backend | null = null;
    let pending: Buffer[] = [];
    let busy = false;

    const pump = async (): Promise<void> => {
      if (busy) return;
      busy = true;
      for (;;) {
        // The first message has no type.
        const head = started ? 1 : 0;
        if (received.length < head + 4) break;
        const length = head + received.readInt32BE(head);
        if (received.length < length) break;
        const message = received.subarray(0, length);
        received = received.subarray(length);
        if (!started) {
          started = true;
          client.write(Buffer.concat([packet('R', int32(0)), packet('Z', Buffer.from('I'))]));
          continue;
        }
        const type = String.fromCharCode(message[0]!);
        if (type === 'X') break;
        pending.push(message);
        if (type !== 'Q' && type !== 'S') continue;
        backend ??= idle.pop() ?? (await openBackend(server, sockets));
        const state = await backend.exchange(Buffer.concat(pending), client);
        pending = [];
        if (state === 'I') {
          idle.push(backend);
          backend = null;
        }
      }
      busy = false;
    };
    client.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      void pump();
    });
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async close() {
      for (const socket of sockets) socket.destroy();
      listener.close();
    },
  };
}

interface Backend {
  /** Resolves with the state of its transaction when the server is ready for more. */
  exchange(request: Buffer, client: Socket): Promise<string>;
}

async function openBackend(server: URL, sockets: Set<Socket>): Promise<Backend> {
  const socket = connect(Number(server.port), server.hostname);
  sockets.add(socket);
  socket.on('error', () => {});
  await once(socket, 'connect');
  const untilReady = (forward: (message: Buffer) => void): Promise<string> =>
    new Promise((resolve) => {
      let received = Buffer.alloc(0);
      const take = (chunk: Buffer): void => {
        received = Buffer.concat([received, chunk]);
        while (received.length >= 5 && received.length >= 1 + received.readInt32BE(1)) {
          const message = received.subarray(0, 1 + received.readInt32BE(1));
          received = received.subarray(message.length);
          forward(message);
          if (message[0] !== 'Z'.charCodeAt(0)) continue;
          socket.off('data', take);
          resolve(String.fromCharCode(message[5]!));
        }
      };
      socket.on('data', take);
    });
  const parameters = `user\0${server.username}\0database\0${server.pathname.slice(1)}\0\0`;
  const ready = untilReady(() => {});
  socket.write(Buffer.concat([int32(8 + parameters.length), int32(196_608), Buffer.from(parameters)]));
  await ready;
  return {
    exchange(request, client) {
      const done = untilReady((message) => client.write(message));
      socket.write(request);
      return done;
    },
  };
}

function packet(type: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(type), int32(4 + body.length), body]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
