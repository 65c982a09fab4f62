import { describe, expect, it } from 'vitest';
import { failureReason } from '../../../src/callers/failure.js';

const coded = (code: string, message = '') => Object.assign(new Error(message), { code });

describe('a failure in words', () => {
  it('an untrusted certificate says what to do', () => {
    const { code, message } = failureReason(coded('DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate'), 'api.example');
    expect(code).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
    expect(message).toContain('api.example: no TLS connection, self-signed certificate');
    expect(message).toContain('NODE_EXTRA_CA_CERTS');
  });

  it('several addresses that all refuse are one refusal', () => {
    const tried = new AggregateError([coded('ECONNREFUSED'), coded('ECONNREFUSED')]);
    expect(failureReason(tried, 'localhost:1')).toEqual({
      code: 'ECONNREFUSED',
      message: 'localhost:1: connection refused, nothing listens there (ECONNREFUSED)',
    });
  });

  it('what is not known keeps its own message', () => {
    expect(failureReason(coded('E_ODD', 'odd'), 'h')).toEqual({ code: 'E_ODD', message: 'h: odd (E_ODD)' });
    expect(failureReason(new TypeError(''), 'h')).toEqual({ code: 'TypeError', message: 'h: the request failed (TypeError)' });
    expect(failureReason('broken', 'h')).toEqual({ code: 'UNKNOWN', message: 'h: broken (UNKNOWN)' });
  });
});
