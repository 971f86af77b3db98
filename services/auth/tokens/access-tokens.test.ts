import {
  createHmac,
  createPrivateKey,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  type webcrypto,
} from 'node:crypto';
import fc from 'fast-check';
import { calculateJwkThumbprint, createLocalJWKSet, exportSPKI, importJWK, jwtVerify, SignJWT } from 'jose';
import { ACCESS_TOKEN_SECONDS, type AccessClaims, AUDIENCE, createAccessTokens } from './access-tokens';

const OLD = Buffer.alloc(32, 1);
const NEW = Buffer.alloc(32, 2);
const ISSUER = 'test-shop';
const NOW_MS = Date.UTC(2026, 10, 21);
const ADA: AccessClaims = { customerId: 'cus_ADA', role: 'customer', sessionId: 'ses_ONE' };

const tokens = (keys = [OLD], nowMs = NOW_MS, issuer = ISSUER) =>
  createAccessTokens({ keys, issuer, now: () => nowMs });
const issueToken = async (claims = ADA) => (await tokens().issue(claims)).token;

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (part: string | undefined): Record<string, unknown> =>
  JSON.parse(Buffer.from(part ?? '', 'base64url').toString()) as Record<string, unknown>;
const splitToken = (token: string) => token.split('.') as [string, string, string];

/** A token with the given header fields and claims changed, signed with another key unless one is given. */
async function forgeToken(
  { header = {}, claims = {} }: { header?: object; claims?: object },
  key?: KeyObject,
): Promise<string> {
  const [ownHeader, ownClaims] = splitToken(await issueToken());
  const seconds = NOW_MS / 1_000;
  const otherKey = key ?? generateKeyPairSync('ed25519').privateKey;
  return new SignJWT({ ...decode(ownClaims), iat: seconds, ...claims })
    .setProtectedHeader({ ...decode(ownHeader), alg: 'EdDSA', ...header })
    .sign(otherKey);
}

test('issues a token with the claims of its bearer, valid for 15 minutes', async () => {
  const { token, expiresInSeconds } = await tokens().issue(ADA);
  expect(expiresInSeconds).toBe(900);
  expect(await tokens().verify(token)).toEqual(ADA);
  const [header, claims] = splitToken(token).slice(0, 2).map(decode);
  expect(header).toEqual({ alg: 'EdDSA', typ: 'at+jwt', kid: tokens().jwks().keys[0]?.kid });
  expect(claims).toEqual({
    iss: ISSUER,
    aud: AUDIENCE,
    sub: ADA.customerId,
    role: 'customer',
    sid: ADA.sessionId,
    jti: expect.stringMatching(/^[\w-]{36}$/),
    iat: NOW_MS / 1_000,
    exp: NOW_MS / 1_000 + ACCESS_TOKEN_SECONDS,
  });
});

test('issues a different token each time', async () => {
  expect(await issueToken()).not.toBe(await issueToken());
});

test('rejects a token after its expiry plus the tolerated clock skew', async () => {
  const token = await issueToken();
  const after = (seconds: number) => tokens([OLD], NOW_MS + (ACCESS_TOKEN_SECONDS + seconds) * 1_000);
  expect(await after(29).verify(token)).toEqual(ADA);
  expect(await after(31).verify(token)).toBeNull();
});

test('publishes keys that verify a token and contain nothing secret', async () => {
  const jwks = tokens([NEW, OLD]).jwks();
  expect(jwks.keys.map((key) => Object.keys(key).toSorted())).toEqual([
    ['alg', 'crv', 'kid', 'kty', 'use', 'x'],
    ['alg', 'crv', 'kid', 'kty', 'use', 'x'],
  ]);
  for (const key of jwks.keys) expect(key.kid).toBe(await calculateJwkThumbprint(key));
  const { payload } = await jwtVerify(await issueToken(), createLocalJWKSet(jwks), {
    issuer: ISSUER,
    audience: AUDIENCE,
    currentDate: new Date(NOW_MS),
  });
  expect(payload.sub).toBe(ADA.customerId);
});

test('signs with the first key and verifies with all, so that keys can be rotated', async () => {
  const [before, during, after] = [tokens([OLD]), tokens([NEW, OLD]), tokens([NEW])];
  const old = (await before.issue(ADA)).token;
  const fresh = (await during.issue(ADA)).token;
  expect(await during.verify(old)).toEqual(ADA);
  expect(await tokens([OLD, NEW]).verify(fresh)).toEqual(ADA);
  expect(await after.verify(fresh)).toEqual(ADA);
  expect(await after.verify(old)).toBeNull();
});

test('rejects a token of another issuer', async () => {
  const { token } = await tokens([OLD], NOW_MS, 'another-shop').issue(ADA);
  expect(await tokens().verify(token)).toBeNull();
});

describe('rejects', () => {
  test('an unsigned token', async () => {
    const [header, claims, signature] = splitToken(await issueToken());
    for (const alg of ['none', 'None', 'NONE']) {
      const unsigned = encode({ ...decode(header), alg });
      expect(await tokens().verify(`${unsigned}.${claims}.`)).toBeNull();
      expect(await tokens().verify(`${unsigned}.${claims}.${signature}`)).toBeNull();
    }
    expect(await tokens().verify(`${header}.${claims}.`)).toBeNull();
    expect(await tokens().verify(`${header}.${claims}`)).toBeNull();
  });

  test('an HMAC signature with the public key as secret', async () => {
    const [header, claims] = splitToken(await issueToken());
    const [jwk] = tokens().jwks().keys;
    const publicKey = (await importJWK(jwk ?? { kty: 'OKP' }, 'EdDSA')) as webcrypto.CryptoKey;
    const secrets = [Buffer.from(jwk?.x ?? '', 'base64url'), jwk?.x ?? '', await exportSPKI(publicKey)];
    for (const secret of secrets) {
      const signed = `${encode({ ...decode(header), alg: 'HS256' })}.${claims}`;
      const mac = createHmac('sha256', secret).update(signed).digest('base64url');
      expect(await tokens().verify(`${signed}.${mac}`)).toBeNull();
    }
  });

  test('a signature of another key under a known id, an unknown id or an embedded key', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const jwk = publicKey.export({ format: 'jwk' });
    expect(await tokens().verify(await forgeToken({}, privateKey))).toBeNull();
    for (const header of [
      { kid: 'another' },
      { kid: undefined },
      { jwk },
      { jku: 'http://127.0.0.1/jwks' },
    ]) {
      expect(await tokens().verify(await forgeToken({ header }, privateKey))).toBeNull();
    }
  });

  test('a token with a changed role', async () => {
    const [header, claims, signature] = splitToken(await issueToken());
    const raised = encode({ ...decode(claims), role: 'admin' });
    expect(await tokens().verify(`${header}.${raised}.${signature}`)).toBeNull();
  });

  test.each([
    ['another audience', { claims: { aud: 'another-api' } }],
    ['no audience', { claims: { aud: undefined } }],
    ['another issuer', { claims: { iss: 'another-shop' } }],
    ['no expiry', { claims: { exp: undefined } }],
    ['an expiry in the past', { claims: { exp: NOW_MS / 1_000 - 60 } }],
    ['no subject', { claims: { sub: undefined } }],
    ['no session', { claims: { sid: undefined } }],
    ['an unknown role', { claims: { role: 'root' } }],
    ['another type', { header: { typ: 'JWT' } }],
    ['no type', { header: { typ: undefined } }],
    ['an unknown key id', { header: { kid: 'another' } }],
    ['no key id', { header: { kid: undefined } }],
  ])('a valid signature over %s', async (_, change) => {
    const own = deriveKey(OLD);
    expect(await tokens().verify(await forgeToken({}, own))).toEqual(ADA);
    expect(await tokens().verify(await forgeToken(change, own).catch(() => 'cannot be made'))).toBeNull();
  });

  test('any other text, without throwing', async () => {
    const token = await issueToken();
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.tuple(fc.base64String(), fc.base64String(), fc.base64String()).map((parts) => parts.join('.')),
          fc.tuple(fc.nat(token.length - 1), fc.string({ minLength: 1 })).map(([at, inserted]) => {
            return token.slice(0, at) + inserted + token.slice(at);
          }),
        ),
        async (text) => (await tokens().verify(text)) === null,
      ),
    );
    expect(await tokens().verify('x'.repeat(1_000_000))).toBeNull();
  });
});

test('requires at least one key of 32 bytes', () => {
  expect(() => tokens([])).toThrow('need at least one key');
  expect(() => tokens([Buffer.alloc(16)])).toThrow('32 bytes');
});

/** The private key of a secret, derived independently of the implementation. */
function deriveKey(secret: Buffer): KeyObject {
  const seed = Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), 'ed25519 seed', 32));
  return createPrivateKey({
    key: { kty: 'OKP', crv: 'Ed25519', d: seed.toString('base64url'), x: tokens().jwks().keys[0]?.x ?? '' },
    format: 'jwk',
  });
}
