/** What a failed exchange is called. */
interface FailureReason {
  readonly code: string;
  /** For a person: what happened, and what to look at. */
  readonly message: string;
}

/**
 * An error of the HTTP client in words. The library's own message is kept only where ours has nothing better.
 *
 * @param host whom we talked to, for the message
 */
export function failureReason(error: unknown, host: string): FailureReason {
  const code = errorCode(error);
  const words = WORDS[code];
  if (words !== undefined) return { code, message: `${host}: ${words} (${code})` };
  const detail = error instanceof Error ? error.message : String(error);
  if (isTlsCode(code)) {
    const advice = 'check the address; NODE_EXTRA_CA_CERTS names a file with further certificate authorities';
    return { code, message: `${host}: no TLS connection, ${detail} (${code}); ${advice}` };
  }
  return { code, message: `${host}: ${detail === '' ? 'the request failed' : detail} (${code})` };
}

/** Where several addresses of a host were tried, Node's error holds one error for each. */
function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return 'UNKNOWN';
  if ('code' in error && typeof error.code === 'string') return error.code;
  if (error instanceof AggregateError && error.errors.length > 0) return errorCode(error.errors[0]);
  return error.name;
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused, nothing listens there',
  ENOTFOUND: "the host's name can't be resolved",
  EAI_AGAIN: "the host's name can't be resolved just now",
  ETIMEDOUT: 'the connection timed out',
  EHOSTUNREACH: 'the host is not reachable',
  ENETUNREACH: 'the network is not reachable',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was closed while the request was being written',
  EMFILE: 'too many open files in this process; raise the limit (ulimit -n) or lower --concurrency',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
  UND_ERR_SOCKET: 'the connection was closed before the answer was complete',
  UND_ERR_HEADERS_OVERFLOW: "the answer's headers are too long",
  UND_ERR_DESTROYED: 'the client is closed',
  UND_ERR_CLOSED: 'the client is closed',
};

function isTlsCode(code: string): boolean {
  return code.startsWith('ERR_TLS_') || code.startsWith('ERR_SSL_') || code.startsWith('CERT_') || TLS_CODES.has(code);
}

const TLS_CODES = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'HOSTNAME_MISMATCH',
  'EPROTO',
]);
