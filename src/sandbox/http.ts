import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { jsonReply, send } from './reply.js';
import type { ApiCall } from './routes.js';
import type { Traffic, Visit } from './traffic.js';

declare module 'fastify' {
  interface FastifyRequest {
    visit: Visit | null;
  }
}

/** A request to the API that waits for its answer. */
export interface Exchange {
  readonly call: ApiCall;
  readonly visit: Visit;
  readonly response: ServerResponse;
}

export interface HttpOptions {
  readonly port: number;
  readonly books: Traffic;
  readonly now: () => number;
  readonly stats: () => object;
  /** null leaves the header to Node. */
  readonly dateHeader: (() => { date: string }) | null;
  readonly serve: (exchange: Exchange) => void;
}

export interface HttpServer {
  readonly port: number;
  setDown(down: boolean): void;
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 1024 * 1024;
// Longer than clients keep an idle connection, so that none is closed under a request.
const KEEP_ALIVE_MS = 75_000;

const ROUTES = [
  { method: 'POST', url: '/contacts/:id/memories', verb: 'create' },
  { method: 'POST', url: '/campaigns/:campaign/contacts/:id/memories', verb: 'create' },
  { method: 'GET', url: '/contacts/:id/memories', verb: 'list' },
  { method: 'DELETE', url: '/memories/:id', verb: 'delete' },
] as const;

/** The web server around the API: paths, bodies, connections. What the requests are answered is the business of `serve`. */
export async function serveHttp(options: HttpOptions): Promise<HttpServer> {
  const { books, now, stats, dateHeader, serve } = options;
  const app = fastify({
    bodyLimit: MAX_BODY_BYTES,
    keepAliveTimeout: KEEP_ALIVE_MS,
    exposeHeadRoutes: false,
    // Ids that are too long are the API's to refuse, not the router's.
    routerOptions: { maxParamLength: 16_384 },
    frameworkErrors: (error, request, reply) => refuse(request, reply, { status: 400, message: error.message }),
  });
  const connections = watchConnections(app.server);
  app.decorateRequest('visit', null);

  // Bodies stay text: whether one is JSON is the API's question, with an answer in the API's own form.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  app.setNotFoundHandler((request, reply) =>
    refuse(request, reply, { status: 404, message: `Route ${request.method}:${request.url} not found` }),
  );
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) =>
    refuse(request, reply, { status: error.statusCode ?? 500, message: error.message }),
  );
  app.get('/__stats', (_request, reply) => {
    reply.send(stats());
  });
  for (const { method, url, verb } of ROUTES) {
    app.route<{ Params: { id: string; campaign?: string }; Querystring: { status?: unknown } }>({
      method,
      url,
      onRequest: (request, _reply, next) => {
        arrive(request, verb === 'delete' ? null : request.params.id);
        next();
      },
      handler: (request, reply) => {
        // From here on we write ourselves: a reset or half a body is nothing that the framework could send.
        reply.hijack();
        const { params, query, body } = request;
        const call: ApiCall = {
          verb,
          id: params.id,
          campaign: params.campaign ?? null,
          subOrg: header(request, 'x-sub-organization-id'),
          authorization: header(request, 'authorization'),
          body: typeof body === 'string' && isJson(request.headers['content-type']) ? body : null,
          status: query.status === undefined ? null : String(query.status),
        };
        try {
          serve({ call, visit: request.visit ?? arrive(request, null), response: reply.raw });
        } catch (error) {
          // A test's script threw. After `hijack` the framework would leave the client without an answer.
          refuse(request, reply, { status: 500, message: String(error) });
        }
      },
    });
  }

  function arrive(request: FastifyRequest, contactId: string | null): Visit {
    const visit = books.arrive({
      method: request.method,
      path: request.url,
      contactId,
      subOrg: header(request, 'x-sub-organization-id'),
      at: now(),
      authorization: header(request, 'authorization'),
    });
    request.visit = visit;
    return visit;
  }

  // What isn't the API's to answer (unknown path, broken URL, body too large) looks as frameworks make it, not as the API does.
  function refuse(request: FastifyRequest, reply: FastifyReply, { status, message }: { status: number; message: string }): void {
    reply.hijack();
    const visit = request.visit ?? arrive(request, null);
    books.answer(visit, status);
    // The rest of a body that is refused isn't read, so its connection can't be used again.
    const headers: Record<string, string> = status === 413 ? { connection: 'close' } : {};
    send(reply.raw, jsonReply(status, { statusCode: status, error: STATUS_CODES[status], message }, headers), dateHeader?.());
  }

  try {
    await app.listen({ port: options.port, host: '127.0.0.1' });
  } catch (cause) {
    await app.close();
    throw new Error(`expected to listen on 127.0.0.1:${options.port}, and couldn't: ${String(cause)}; choose another port, or 0 for any`, {
      cause,
    });
  }
  let closed: Promise<void> | null = null;
  return {
    // A TCP server that listens has an AddressInfo; a string would be a pipe's.
    port: (app.server.address() as AddressInfo).port,
    setDown: connections.setDown,
    close() {
      connections.end();
      closed ??= app.close();
      return closed;
    },
  };
}

function header(request: FastifyRequest, name: string): string | null {
  const value = request.headers[name];
  return typeof value === 'string' ? value : null;
}

function isJson(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/json\s*(;|$)/i.test(contentType);
}

/** Knows the open connections, to reset or close them all. */
function watchConnections(server: { prependListener(event: 'connection', listener: (socket: Socket) => void): unknown }) {
  const open = new Set<Socket>();
  let refusing = false;
  server.prependListener('connection', (socket) => {
    if (refusing) {
      socket.resetAndDestroy();
      return;
    }
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  return {
    setDown(down: boolean): void {
      refusing = down;
      if (down) for (const socket of open) socket.resetAndDestroy();
    },
    end(): void {
      refusing = true;
      for (const socket of open) socket.destroy();
    },
  };
}
