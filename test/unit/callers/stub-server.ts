import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net';
import { createClient } from '../../../src/callers/client.js';

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** A real HTTP server that remembers what it was asked. */
export async function startHttp(answer: RequestListener): Promise<Stub & { readonly seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part) => {
      body += part;
    });
    request.on('end', () => {
      seen.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body });
      answer(request, response);
    });
  });
  return { ...(await listen(server)), seen };
}

/** A server that writes what it likes to the socket, once the request's headers have arrived. */
export async function startRaw(answer: (socket: Socket, requestNumber: number) => void): Promise<Stub & { readonly sockets: Socket[] }> {
  const sockets: Socket[] = [];
  let requests = 0;
  const server = createTcpServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    let head = '';
    socket.on('data', (chunk) => {
      head += chunk.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end === -1) return;
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (head.length < end + 4 + length) return;
      head = '';
      requests += 1;
      answer(socket, requests);
    });
  });
  return { ...(await listen(server)), sockets };
}

export interface Stub {
  readonly port: number;
  readonly url: URL;
  readonly connections: () => number;
  readonly stop: () => Promise<void>;
}

export async function listen(server: Server | TcpServer): Promise<Stub> {
  const open = new Set<Socket>();
  let connections = 0;
  server.on('connection', (socket: Socket) => {
    connections += 1;
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A server that listens on TCP has an address with a port.
  const { port } = server.address() as AddressInfo;
  const stop = async () => {
    for (const socket of open) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  return { port, url: new URL(`http://127.0.0.1:${port}`), connections: () => connections, stop };
}

export const KEY = 'sk-live-0123456789abcdef';
export const NOTE = { contactId: 'c-1', subOrg: null, name: 'A call', text: 'They asked for the price.' };

export function clientOf(baseUrl: URL, options: Partial<Parameters<typeof createClient>[0]> = {}) {
  return createClient({ baseUrl, apiKey: KEY, timeoutMs: 5_000, connections: 4, env: {}, ...options });
}
