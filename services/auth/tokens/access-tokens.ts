import {
  createHash,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  type KeyObject,
  randomUUID,
} from 'node:crypto';
import { errors, type JWK, jwtVerify, SignJWT } from 'jose';
import { ROLES, type Role } from '../../../domain/shared/access';

/** Who an access token says its bearer is. */
export interface AccessClaims {
  customerId: string;
  role: Role;
  /** The session it was given to: what ends the session ends the next refresh. */
  sessionId: string;
}

export interface AccessTokens {
  issue(claims: AccessClaims): Promise<{ token: string; expiresInSeconds: number }>;
  /** @returns null for whatever is not a token of ours that is valid now. Never throws for what a caller can send. */
  verify(token: string): Promise<AccessClaims | null>;
  /** The public halves of all keys (RFC 7517), the signing one first. */
  jwks(): { keys: JWK[] };
}

export interface AccessTokenOptions {
  /** Secrets of 32 bytes or more. A key pair is derived from each: the first signs, all verify. */
  keys: readonly Buffer[];
  issuer: string;
  now?: () => number;
}

export const ACCESS_TOKEN_SECONDS = 15 * 60;
/** Who the tokens are meant for: this API. */
export const AUDIENCE = 'orders-api';
/** RFC 9068: no other token of this issuer can be taken for an access token. */
const TOKEN_TYPE = 'at+jwt';
/** Two names for it in JOSE; this one is what `alg` says in the tokens we issue. */
const ALGORITHM = 'EdDSA';
/** Clocks of two API processes may differ by this much. */
const CLOCK_SKEW_SECONDS = 30;
/** Decoders forgive white space and padding: a token has one spelling here. */
const COMPACT_JWT_PATTERN = /^[\w-]+\.[\w-]+\.[\w-]+$/;
/** Ours have about 500 characters. */
const MAX_TOKEN_LENGTH = 4_096;

/** JWTs (RFC 7519) signed with Ed25519. */
export function createAccessTokens({ keys, issuer, now = Date.now }: AccessTokenOptions): AccessTokens {
  const pairs = keys.map(deriveKeyPair);
  const [signing] = pairs;
  if (signing === undefined) throw new Error('access tokens need a key');
  const publicKeys = new Map(pairs.map(({ kid, publicKey }) => [kid, publicKey]));

  return {
    async issue({ customerId, role, sessionId }) {
      const issuedAtSeconds = Math.floor(now() / 1_000);
      const token = await new SignJWT({ role, sid: sessionId })
        .setProtectedHeader({ alg: ALGORITHM, typ: TOKEN_TYPE, kid: signing.kid })
        .setIssuer(issuer)
        .setAudience(AUDIENCE)
        .setSubject(customerId)
        .setJti(randomUUID())
        .setIssuedAt(issuedAtSeconds)
        .setExpirationTime(issuedAtSeconds + ACCESS_TOKEN_SECONDS)
        .sign(signing.privateKey);
      return { token, expiresInSeconds: ACCESS_TOKEN_SECONDS };
    },

    async verify(token) {
      if (token.length > MAX_TOKEN_LENGTH || !COMPACT_JWT_PATTERN.test(token)) return null;
      try {
        const { payload } = await jwtVerify(
          token,
          ({ kid = '' }) => {
            const key = publicKeys.get(kid);
            if (key === undefined) throw new errors.JWKSNoMatchingKey();
            return key;
          },
          {
            algorithms: [ALGORITHM],
            typ: TOKEN_TYPE,
            issuer,
            audience: AUDIENCE,
            clockTolerance: CLOCK_SKEW_SECONDS,
            currentDate: new Date(now()),
            requiredClaims: ['exp', 'iat', 'sub', 'jti'],
          },
        );
        return parseClaims(payload);
      } catch (error) {
        if (error instanceof errors.JOSEError) return null;
        throw error;
      }
    },

    jwks: () => ({ keys: pairs.map(({ jwk }) => jwk) }),
  };
}

function parseClaims({ sub, role, sid }: Record<string, unknown>): AccessClaims | null {
  const known = ROLES.find((name) => name === role);
  if (typeof sub !== 'string' || typeof sid !== 'string' || known === undefined) return null;
  return { customerId: sub, role: known, sessionId: sid };
}

interface KeyPair {
  /** RFC 7638: the thumbprint of the public key, so equal secrets have equal ids in every process. */
  kid: string;
  privateKey: KeyObject;
  publicKey: KeyObject;
  jwk: JWK;
}

/** What stands before the 32 bytes of an Ed25519 seed in PKCS #8 (RFC 8410). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

function deriveKeyPair(secret: Buffer): KeyPair {
  if (secret.length < 32) throw new Error('the secret of a key needs 32 bytes');
  const seed = Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), 'ed25519 seed', 32));
  const privateKey = createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, seed]),
    format: 'der',
    type: 'pkcs8',
  });
  const publicKey = createPublicKey(privateKey);
  const { crv, kty, x } = publicKey.export({ format: 'jwk' });
  const kid = createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url');
  const jwk = { kty, crv, x, kid, alg: ALGORITHM, use: 'sig' } as JWK;
  return { kid, privateKey, publicKey, jwk };
}
