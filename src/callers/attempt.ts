import { isUtf8 } from 'node:buffer';
import type { Exchange } from './classify.js';
import type { Deadlines } from './deadlines.js';
import type { ResponseHeaders } from './headers.js';

/** The part of undici's controller that an attempt needs. */
interface Controller {
  abort(reason: Error): void;
}

export interface AttemptOptions {
  /** For the whole of it: waiting for a connection, connecting, sending, reading. */
  readonly timeoutMs: number;
  /** It ends attempts that take longer, by `expire`. */
  readonly deadlines: Deadlines<Attempt>;
  /** Our clock, epoch ms. */
  readonly now: () => number;
  /** Most bytes of the body that are read, by the answer's status. */
  readonly maxBodyBytes: (status: number) => number;
  /** An error of the HTTP client in words. */
  readonly reasonOf: (error: unknown) => { readonly code: string; readonly message: string };
  /** `sentAt` and `receivedAt` in epoch ms. */
  readonly onHeaders: (headers: ResponseHeaders, sentAt: number, receivedAt: number) => void;
  /** False: it must not be sent any more. */
  readonly mayStart?: () => boolean;
}

/**
 * One request and what becomes of it: a handler for undici's `dispatch`. It owns the attempt's deadline and its connection
 * while the request is under way, and settles exactly once. A class, since closures for each request would cost the hot path.
 */
export class Attempt {
  private controller: Controller | null = null;
  private sentAt = 0;
  private status: number | null = null;
  private headers: ResponseHeaders = {};
  private receivedAt = 0;
  private chunks: Buffer[] = [];
  private bodyBytes = 0;
  private settled = false;

  constructor(
    private readonly options: AttemptOptions,
    private readonly settle: (exchange: Exchange) => void,
  ) {
    options.deadlines.begin(this);
  }

  /** Called before the first byte is written: the line between "certainly not sent" and doubt. */
  onRequestStart(controller: Controller): void {
    // The deadline may have passed while the request waited for its connection. And undici may start a request again whose
    // connection failed: a create must never leave twice by itself.
    if (this.settled || this.controller !== null) {
      controller.abort(new Error('the request must not be sent'));
      return;
    }
    if (this.options.mayStart?.() === false) {
      this.fail({ code: 'TOO_LATE', message: 'not sent: another process may have taken over what this one had claimed' });
      controller.abort(new Error('the request must not be sent'));
      return;
    }
    this.controller = controller;
    this.sentAt = this.options.now();
  }

  onResponseStart(_controller: Controller, status: number, headers: ResponseHeaders): void {
    // 1xx announces the answer, it isn't one.
    if (status < 200) return;
    this.status = status;
    this.headers = headers;
    this.receivedAt = this.options.now();
    this.options.onHeaders(headers, this.sentAt, this.receivedAt);
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.settled || this.status === null) return;
    const room = this.options.maxBodyBytes(this.status) - this.bodyBytes;
    if (chunk.length <= room) {
      this.chunks.push(chunk);
      this.bodyBytes += chunk.length;
      return;
    }
    this.chunks.push(chunk.subarray(0, room));
    this.answer(this.status, 'too_long');
    // Reading the rest to keep the connection would cost more than a new one.
    controller.abort(new Error('the body is too long'));
  }

  onResponseEnd(): void {
    if (this.status !== null) this.answer(this.status, 'complete');
  }

  onResponseError(_controller: Controller, error: Error): void {
    if (this.settled) return;
    if (this.status !== null) this.answer(this.status, 'cut_off');
    else this.fail(this.options.reasonOf(error));
  }

  /** The deadline has passed. */
  expire(): void {
    if (this.settled) return;
    const within = `within ${this.options.timeoutMs} ms`;
    if (this.controller === null) this.fail({ code: 'TIMEOUT_BEFORE_SEND', message: `no connection to send the request on ${within}` });
    else if (this.status !== null) this.answer(this.status, 'cut_off');
    else this.fail({ code: 'TIMEOUT', message: `the request was sent, no answer ${within}` });
    this.controller?.abort(new Error('the deadline has passed'));
  }

  private answer(status: number, bodyEnd: 'complete' | 'cut_off' | 'too_long'): void {
    const { headers, receivedAt } = this;
    this.end({ kind: 'answered', status, headers, body: decode(this.chunks), bodyEnd, receivedAt });
  }

  private fail(reason: { readonly code: string; readonly message: string }): void {
    this.end({ kind: 'failed', sent: this.controller !== null, code: reason.code, message: reason.message });
  }

  private end(exchange: Exchange): void {
    if (this.settled) return;
    this.settled = true;
    this.options.deadlines.end(this);
    this.chunks = [];
    this.settle(exchange);
  }
}

/** null if the bytes aren't UTF-8: a list with replaced characters would let a note seem to be absent. */
function decode(chunks: readonly Buffer[]): string | null {
  const [first] = chunks;
  if (first === undefined) return '';
  const bytes = chunks.length === 1 ? first : Buffer.concat(chunks);
  return isUtf8(bytes) ? bytes.toString('utf8') : null;
}
