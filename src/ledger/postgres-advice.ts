import { sqlStateOf } from './postgres-session.js';

/** What to do about a server that can't be used: one sentence, for whoever started the command. */
export function postgresAdvice(error: unknown): string {
  const code = sqlStateOf(error);
  const byCode = ADVICE.find(([codes]) => codes.includes(code));
  if (byCode !== undefined) return byCode[1];
  if (error instanceof Error && /does not support SSL/.test(error.message)) return NO_TLS;
  return 'Check the address, the password (PGPASSWORD, or a password file), and that the server can be reached from here.';
}

const NO_TLS =
  'Turn TLS on at the server (ssl = on): off this machine the ledger is never reached without. Where client and server are one machine, sslmode=disable does without.';
const UNKNOWN_AUTHORITY =
  "Nobody whom this machine trusts has signed the server's certificate: name the authority that did with sslrootcert=<PEM file> in the address. If one is named already, it is another one, and this may not be your server.";

const ADVICE: readonly (readonly [codes: readonly string[], advice: string])[] = [
  [
    [
      'SELF_SIGNED_CERT_IN_CHAIN',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'UNABLE_TO_GET_ISSUER_CERT',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'CERT_SIGNATURE_FAILURE',
      'CERT_UNTRUSTED',
    ],
    UNKNOWN_AUTHORITY,
  ],
  [
    ['ERR_TLS_CERT_ALTNAME_INVALID'],
    'The certificate is for another name than the address has: take the name that it is made for, or have one made for this name. sslmode=verify-ca leaves the name aside.',
  ],
  [['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'], "Have the server's certificate renewed, and check the clock of this machine."],
  // invalid_authorization_specification, invalid_password
  [['28000', '28P01'], 'Check role and password (PGPASSWORD, or a password file), and what pg_hba.conf asks of this role from here.'],
  [['3D000'], 'Name a database that is there, or create this one.'],
  [['42501'], 'The README names what a role needs ("Several machines").'],
];
