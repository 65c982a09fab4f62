import type { ServerResponse } from 'node:http';

/** What goes back to the client, or doesn't. */
export type Reply =
  | {
      /** `cut` announces the whole body, sends half of it and closes the connection. */
      readonly kind: 'answer' | 'cut';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
    }
  /** A TCP reset. */
  | { readonly kind: 'reset' }
  /** No answer until the client leaves or the sandbox is closed. */
  | { readonly kind: 'hang' };

export function jsonReply(status: number, body: object, headers?: Readonly<Record<string, string>>): Reply {
  return { kind: 'answer', status, headers: headers === undefined ? JSON_TYPE : { ...JSON_TYPE, ...headers }, body: JSON.stringify(body) };
}

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };

/** A page such as gateways answer. */
export function htmlReply(status: number, title: string): Reply {
  const body = `<html>\n<head><title>${status} ${title}</title></head>\n<body><center><h1>${status} ${title}</h1></center></body>\n</html>\n`;
  return { kind: 'answer', status, headers: { 'content-type': 'text/html; charset=utf-8' }, body };
}

/** Writes the reply. `headers` are added to an answer's own. */
export function send(response: ServerResponse, reply: Reply, headers: Readonly<Record<string, string>> | undefined): void {
  switch (reply.kind) {
    case 'hang':
      return;
    case 'reset':
      response.socket?.resetAndDestroy();
      return;
    case 'answer': {
      const length = Buffer.byteLength(reply.body);
      response.writeHead(reply.status, { ...reply.headers, ...headers, 'content-length': length });
      response.end(reply.body);
      return;
    }
    case 'cut': {
      const whole = Buffer.from(reply.body);
      response.writeHead(reply.status, { ...reply.headers, ...headers, 'content-length': whole.length });
      const socket = response.socket;
      response.write(whole.subarray(0, whole.length >> 1));
      // Closed, not reset: a reset could overtake the half that must arrive.
      socket?.destroySoon();
      return;
    }
  }
}
