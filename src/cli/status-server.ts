import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { UserError } from '../errors.js';

/** What a process tells those who look after it. */
export interface Status {
  /** Why it should be started anew; null: it is well. */
  readonly illness: () => string | null;
  /** Why it takes no work just now; null: it does. */
  readonly unready: () => string | null;
  readonly metrics: () => Promise<string>;
  readonly metricsType: string;
}

export interface StatusServer {
  readonly port: number;
  close(): Promise<void>;
}

export interface StatusAddress {
  /** null: every address of this machine, as a kubelet and a Prometheus elsewhere need it. */
  readonly host: string | null;
  /** 0: any free one. */
  readonly port: number;
}

/**
 * Serves `/metrics`, `/healthz` and `/readyz`, to whoever asks: nothing in it is secret. Three paths and no bodies: Node's own server does.
 * @throws UserError where the port can't be had
 */
export async function serveStatus({ host, port }: StatusAddress, status: Status): Promise<StatusServer> {
  const server = createServer({ requestTimeout: 5000, headersTimeout: 5000 }, answering(status));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const place = host === null ? `${port}` : `${host}:${port}`;
      reject(
        new UserError(
          `--metrics-port ${place}: the port can't be had: ${REASONS[error.code ?? ''] ?? error.message}. Choose another, or 0 for any free one. Nothing was sent.`,
          { cause: error },
        ),
      );
    });
    server.listen({ port, ...(host === null ? {} : { host }) }, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port, // listening on TCP
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process has it',
  EACCES: "ports below 1024 are the administrator's",
  EADDRNOTAVAIL: 'this machine has no such address',
};

function answering({ illness, unready, metrics, metricsType }: Status): RequestListener {
  return (request, response): void | Promise<void> => {
    const answer = (status: number, text: string, type = 'text/plain; charset=utf-8'): void => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(text);
    };
    const answerWith = (why: string | null): void => (why === null ? answer(200, 'ok\n') : answer(503, `${why}\n`));
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      return answer(405, 'GET only\n');
    }
    switch (request.url?.split('?', 1)[0]) {
      case '/healthz':
        return answerWith(illness());
      case '/readyz':
        return answerWith(illness() ?? unready());
      case '/metrics':
        return metrics().then(
          (text) => answer(200, text, metricsType),
          (error) => answer(500, `${error instanceof Error ? error.message : error}\n`),
        );
      default:
        return answer(404, 'There is /metrics, /healthz and /readyz.\n');
    }
  };
}

/** `9464`, `127.0.0.1:9464` or `[::1]:9464`. @throws UserError */
export function parseStatusAddress(given: string): StatusAddress {
  const [, bracketed, plain, digits = ''] = /^(?:(?:\[([\da-f:.]+)\]|([\w.-]+)):)?(\d{1,5})$/i.exec(given) ?? [];
  if (digits === '' || Number(digits) > 65_535) {
    throw new UserError(
      `--metrics-port: expected a port from 0 to 65535, or one with its address such as 127.0.0.1:9464, found ${JSON.stringify(given)}. Nothing was sent.`,
    );
  }
  return { host: bracketed ?? plain ?? null, port: Number(digits) };
}
