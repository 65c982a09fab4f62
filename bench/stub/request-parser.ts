/** One request as it came, its bytes as latin1 characters, so that nothing is decoded that only needs to be counted or echoed. */
export interface StubRequest {
  readonly method: string;
  /** With its query, if it has one. */
  readonly target: string;
  readonly body: string;
}

export interface RequestParser {
  /** Any part of a connection's bytes: half a request, one, or several. */
  feed(chunk: Buffer): void;
}

const HEAD_END = '\r\n\r\n';
const CONTENT_LENGTH = /\r\ncontent-length:[ \t]*(\d+)/i;

/**
 * Keep-alive HTTP/1.1, as far as the clients of a benchmark speak it: bodies have a Content-Length.
 * @param onRequest gets each request once it is complete, in order
 * @throws Error at a body with another framing
 */
export function createRequestParser(onRequest: (request: StubRequest) => void): RequestParser {
  let received = '';
  return {
    feed(chunk) {
      const bytes = chunk.toString('latin1');
      received = received === '' ? bytes : received + bytes;
      let start = 0;
      for (;;) {
        const headEnd = received.indexOf(HEAD_END, start);
        if (headEnd < 0) break;
        const head = received.slice(start, headEnd);
        const length = CONTENT_LENGTH.exec(head)?.[1];
        if (length === undefined && head.toLowerCase().includes('\r\ntransfer-encoding:')) {
          throw new Error('a body must have a Content-Length here');
        }
        const bodyStart = headEnd + HEAD_END.length;
        const end = bodyStart + (length === undefined ? 0 : Number(length));
        if (received.length < end) break;
        const methodEnd = head.indexOf(' ');
        onRequest({
          method: head.slice(0, methodEnd),
          target: head.slice(methodEnd + 1, head.indexOf(' ', methodEnd + 1)),
          body: received.slice(bodyStart, end),
        });
        start = end;
      }
      received = start === received.length ? '' : received.slice(start);
    },
  };
}
