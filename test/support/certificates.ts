import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/** A certificate and its key, in PEM; of an authority also what it signs with. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface Authority extends Certificate {
  /** For a server (`dns`), or for a client, whose name is the database's role. Good for a day, from an hour ago; `expired`: until then. */
  issue(subject: { readonly name: string; readonly dns?: readonly string[]; readonly expired?: boolean }): Certificate;
}

/** An authority of the test's own: X.509 certificates (RFC 5280) are written here, since Node reads them only. */
export function createAuthority(name: string): Authority {
  const { privateKey, publicKey } = newKeys();
  const valid = { from: -HOUR_MS, to: 24 * HOUR_MS };
  const own = certificate({ subject: name, publicKey, issuer: name, signer: privateKey, valid, extensions: [BASIC_CONSTRAINTS_CA] });
  return {
    ...own,
    key: pem(privateKey),
    issue({ name: subject, dns = [], expired = false }) {
      const keys = newKeys();
      const names = dns.map((host) => tagged(0x82, Buffer.from(host)));
      const issued = certificate({
        subject,
        publicKey: keys.publicKey,
        issuer: name,
        signer: privateKey,
        valid: expired ? { from: -2 * HOUR_MS, to: -HOUR_MS } : valid,
        extensions: names.length === 0 ? [] : [extension(SUBJECT_ALT_NAME, sequence(...names))],
      });
      return { ...issued, key: pem(keys.privateKey) };
    },
  };
}

const HOUR_MS = 3_600_000;

function newKeys() {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function pem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

interface Contents {
  readonly subject: string;
  readonly publicKey: KeyObject;
  readonly issuer: string;
  readonly signer: KeyObject;
  /** Milliseconds from now. */
  readonly valid: { readonly from: number; readonly to: number };
  readonly extensions: readonly Buffer[];
}

function certificate({ subject, publicKey, issuer, signer, valid, extensions }: Contents): { readonly cert: string } {
  const body = sequence(
    tagged(0xa0, integer(Buffer.from([2]))), // version 3
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    sequence(ECDSA_WITH_SHA256),
    distinguishedName(issuer),
    sequence(time(Date.now() + valid.from), time(Date.now() + valid.to)),
    distinguishedName(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    ...(extensions.length === 0 ? [] : [tagged(0xa3, sequence(...extensions))]),
  );
  const signature = tagged(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', body, signer)]));
  const base64 = sequence(body, sequence(ECDSA_WITH_SHA256), signature).toString('base64');
  return { cert: `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n` };
}

// Object identifiers, as they are encoded: 1.2.840.10045.4.3.2, 2.5.4.3, 2.5.29.17, 2.5.29.19.
const ECDSA_WITH_SHA256 = tagged(0x06, Buffer.from('2a8648ce3d040302', 'hex'));
const COMMON_NAME = tagged(0x06, Buffer.from('550403', 'hex'));
const SUBJECT_ALT_NAME = tagged(0x06, Buffer.from('551d11', 'hex'));
const BASIC_CONSTRAINTS = tagged(0x06, Buffer.from('551d13', 'hex'));
const TRUE = tagged(0x01, Buffer.from([0xff]));
const BASIC_CONSTRAINTS_CA = sequence(BASIC_CONSTRAINTS, TRUE, tagged(0x04, sequence(TRUE)));

function extension(id: Buffer, value: Buffer): Buffer {
  return sequence(id, tagged(0x04, value));
}

function distinguishedName(name: string): Buffer {
  return sequence(tagged(0x31, sequence(COMMON_NAME, tagged(0x0c, Buffer.from(name)))));
}

/** YYMMDDHHMMSSZ */
function time(at: number): Buffer {
  const digits = new Date(at).toISOString().replace(/\.\d+|[-:T]/g, '');
  return tagged(0x17, Buffer.from(digits.slice(2)));
}

function integer(bytes: Buffer): Buffer {
  return tagged(0x02, bytes);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
