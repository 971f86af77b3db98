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

export interface AccessClaims {
  customerId: string;
  role: Role;
  /** The session that issued the token: a revoked session invalidates it. */
  sessionId: string;
}

export interface AccessTokens {
  issue(claims: AccessClaims): Promise<{ token: string; expiresInSeconds: number }>;
  /** @returns null for any text that is not a currently valid token of this issuer. Never throws on client input. */
  verify(token: string): Promise<AccessClaims | null>;
  /** All public keys (RFC 7517), the signing key first. */
  jwks(): { keys: JWK[] };
}

export interface AccessTokenOptions {
  /** Secrets of at least 32 bytes. A key pair is derived from each: the first signs, all verify. */
  keys: readonly Buffer[];
  issuer: string;
  now?: () => number;
}

export const ACCESS_TOKEN_SECONDS = 15 * 60;
export const AUDIENCE = 'orders-api';
/** RFC 9068: other tokens of this issuer are not accepted as access tokens. */
const TOKEN_TYPE = 'at+jwt';
/** JOSE has two names for Ed25519; issued tokens carry this one in `alg`. */
const ALGORITHM = 'EdDSA';
/** Tolerated difference between the clocks of two API processes. */
const CLOCK_SKEW_SECONDS = 30;
/** Decoders accept white space and padding; a token has exactly one valid spelling here. */
const COMPACT_JWT_PATTERN = /^[\w-]+\.[\w-]+\.[\w-]+$/;
/** Issued tokens have about 500 characters. */
const MAX_TOKEN_LENGTH = 4_096;

/** JWTs (RFC 7519) signed with Ed25519. */
export function createAccessTokens({ keys, issuer, now = Date.now }: AccessTokenOptions): AccessTokens {
  const pairs = keys.map(deriveKeyPair);
  const [signing] = pairs;
  if (signing === undefined) throw new Error('access tokens need at least one key');
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
  const knownRole = ROLES.find((name) => name === role);
  if (typeof sub !== 'string' || typeof sid !== 'string' || knownRole === undefined) return null;
  return { customerId: sub, role: knownRole, sessionId: sid };
}

interface KeyPair {
  /** Thumbprint of the public key (RFC 7638): equal secrets have equal ids in every process. */
  kid: string;
  privateKey: KeyObject;
  publicKey: KeyObject;
  jwk: JWK;
}

/** Prefix of an Ed25519 seed of 32 bytes in PKCS #8 (RFC 8410). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

function deriveKeyPair(secret: Buffer): KeyPair {
  if (secret.length < 32) throw new Error('the secret of a key needs at least 32 bytes');
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
