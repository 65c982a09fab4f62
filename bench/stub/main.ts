import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type Behaviour, createBehaviour, PLAIN, type StubOptions, type StubReply } from './behaviour.js';
import { createDelay } from './delay.js';
import { createRequestParser, type StubRequest } from './request-parser.js';

// The API that all contenders talk to: a process of its own, raw sockets, no HTTP library. Prints its port. `POST /__reset` with StubOptions
// starts anew, `GET /__stats` tells what it saw since. Ends with its standard input, so that it can't be left behind.

let behaviour: Behaviour = createBehaviour(PLAIN);
let delay: ((act: () => void) => void) | null = null;

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => {});
  const parser = createRequestParser((request) => answer(socket, request));
  socket.on('data', (chunk) => {
    try {
      parser.feed(chunk);
    } catch {
      socket.destroy();
    }
  });
});

function answer(socket: Socket, request: StubRequest): void {
  if (request.target.startsWith('/__')) {
    socket.write(admin(request));
    return;
  }
  const reply = behaviour.reply(request, Date.now());
  if (delay === null) send(socket, reply);
  else delay(() => send(socket, reply));
}

function send(socket: Socket, reply: StubReply): void {
  if (reply === 'hang' || socket.destroyed) return;
  if (reply === 'reset') socket.resetAndDestroy();
  else socket.write(reply, 'latin1');
}

function admin({ method, target, body }: StubRequest): string {
  if (method === 'POST' && target === '/__reset') {
    // Only the benchmark itself calls this.
    const options: StubOptions = { ...PLAIN, ...(JSON.parse(body) as Partial<StubOptions>) };
    behaviour = createBehaviour(options);
    delay = options.latencyMs === 0 ? null : createDelay(options.latencyMs);
  }
  const stats = JSON.stringify(behaviour.stats());
  return `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${stats.length}\r\n\r\n${stats}`;
}

server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
process.stdin.resume().on('end', () => process.exit());
