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
const issued = async (claims = ADA) => (await tokens().issue(claims)).token;

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (part: string | undefined): Record<string, unknown> =>
  JSON.parse(Buffer.from(part ?? '', 'base64url').toString()) as Record<string, unknown>;
const partsOf = (token: string) => token.split('.') as [string, string, string];

/** A token of ours in all but what is changed. */
async function forged(
  { header = {}, claims = {} }: { header?: object; claims?: object },
  key?: KeyObject,
): Promise<string> {
  const [ownHeader, ownClaims] = partsOf(await issued());
  const seconds = NOW_MS / 1_000;
  const otherKey = key ?? generateKeyPairSync('ed25519').privateKey;
  return new SignJWT({ ...decode(ownClaims), iat: seconds, ...claims })
    .setProtectedHeader({ ...decode(ownHeader), alg: 'EdDSA', ...header })
    .sign(otherKey);
}

test('a token says who its bearer is, for a quarter of an hour', async () => {
  const { token, expiresInSeconds } = await tokens().issue(ADA);
  expect(expiresInSeconds).toBe(900);
  expect(await tokens().verify(token)).toEqual(ADA);
  const [header, claims] = partsOf(token).slice(0, 2).map(decode);
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

test('no two tokens are the same', async () => {
  expect(await issued()).not.toBe(await issued());
});

test('a token ends with its time, and the skew of clocks', async () => {
  const token = await issued();
  const after = (seconds: number) => tokens([OLD], NOW_MS + (ACCESS_TOKEN_SECONDS + seconds) * 1_000);
  expect(await after(29).verify(token)).toEqual(ADA);
  expect(await after(31).verify(token)).toBeNull();
});

test('the published keys verify a token, and say nothing secret', async () => {
  const jwks = tokens([NEW, OLD]).jwks();
  expect(jwks.keys.map((key) => Object.keys(key).toSorted())).toEqual([
    ['alg', 'crv', 'kid', 'kty', 'use', 'x'],
    ['alg', 'crv', 'kid', 'kty', 'use', 'x'],
  ]);
  for (const key of jwks.keys) expect(key.kid).toBe(await calculateJwkThumbprint(key));
  const { payload } = await jwtVerify(await issued(), createLocalJWKSet(jwks), {
    issuer: ISSUER,
    audience: AUDIENCE,
    currentDate: new Date(NOW_MS),
  });
  expect(payload.sub).toBe(ADA.customerId);
});

test('a new key in front signs, the old one still verifies, and instances may differ meanwhile', async () => {
  const [before, during, after] = [tokens([OLD]), tokens([NEW, OLD]), tokens([NEW])];
  const old = (await before.issue(ADA)).token;
  const fresh = (await during.issue(ADA)).token;
  expect(await during.verify(old)).toEqual(ADA);
  expect(await tokens([OLD, NEW]).verify(fresh)).toEqual(ADA);
  expect(await after.verify(fresh)).toEqual(ADA);
  expect(await after.verify(old)).toBeNull();
});

test('a token of another issuer is none of ours', async () => {
  const { token } = await tokens([OLD], NOW_MS, 'another-shop').issue(ADA);
  expect(await tokens().verify(token)).toBeNull();
});

describe('refused is', () => {
  test('what nobody has signed', async () => {
    const [header, claims, signature] = partsOf(await issued());
    for (const alg of ['none', 'None', 'NONE']) {
      const unsigned = encode({ ...decode(header), alg });
      expect(await tokens().verify(`${unsigned}.${claims}.`)).toBeNull();
      expect(await tokens().verify(`${unsigned}.${claims}.${signature}`)).toBeNull();
    }
    expect(await tokens().verify(`${header}.${claims}.`)).toBeNull();
    expect(await tokens().verify(`${header}.${claims}`)).toBeNull();
  });

  test('a signature made with the public key as a password', async () => {
    const [header, claims] = partsOf(await issued());
    const [jwk] = tokens().jwks().keys;
    const publicKey = (await importJWK(jwk ?? { kty: 'OKP' }, 'EdDSA')) as webcrypto.CryptoKey;
    const secrets = [Buffer.from(jwk?.x ?? '', 'base64url'), jwk?.x ?? '', await exportSPKI(publicKey)];
    for (const secret of secrets) {
      const signed = `${encode({ ...decode(header), alg: 'HS256' })}.${claims}`;
      const mac = createHmac('sha256', secret).update(signed).digest('base64url');
      expect(await tokens().verify(`${signed}.${mac}`)).toBeNull();
    }
  });

  test('another key under the id of ours, under its own, or brought along', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const jwk = publicKey.export({ format: 'jwk' });
    expect(await tokens().verify(await forged({}, privateKey))).toBeNull();
    for (const header of [
      { kid: 'another' },
      { kid: undefined },
      { jwk },
      { jku: 'http://127.0.0.1/jwks' },
    ]) {
      expect(await tokens().verify(await forged({ header }, privateKey))).toBeNull();
    }
  });

  test('a token whose role was raised', async () => {
    const [header, claims, signature] = partsOf(await issued());
    const raised = encode({ ...decode(claims), role: 'admin' });
    expect(await tokens().verify(`${header}.${raised}.${signature}`)).toBeNull();
  });

  test.each([
    ['another audience', { claims: { aud: 'another-api' } }],
    ['no audience', { claims: { aud: undefined } }],
    ['another issuer', { claims: { iss: 'another-shop' } }],
    ['no end', { claims: { exp: undefined } }],
    ['an end in the past', { claims: { exp: NOW_MS / 1_000 - 60 } }],
    ['no subject', { claims: { sub: undefined } }],
    ['no session', { claims: { sid: undefined } }],
    ['a role that there is not', { claims: { role: 'root' } }],
    ['another type', { header: { typ: 'JWT' } }],
    ['no type', { header: { typ: undefined } }],
    ['the id of a key that there is not', { header: { kid: 'another' } }],
    ['no id of a key', { header: { kid: undefined } }],
  ])('our own signature over %s', async (_, change) => {
    const own = privateKeyOf(OLD);
    expect(await tokens().verify(await forged({}, own))).toEqual(ADA);
    expect(await tokens().verify(await forged(change, own).catch(() => 'cannot be made'))).toBeNull();
  });

  test('whatever else is sent, and it never throws', async () => {
    const token = await issued();
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

test('a key needs its length', () => {
  expect(() => tokens([])).toThrow('need a key');
  expect(() => tokens([Buffer.alloc(16)])).toThrow('32 bytes');
});

/** The private half that the secret comes to, derived a second time by hand. */
function privateKeyOf(secret: Buffer): KeyObject {
  const seed = Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), 'ed25519 seed', 32));
  return createPrivateKey({
    key: { kty: 'OKP', crv: 'Ed25519', d: seed.toString('base64url'), x: tokens().jwks().keys[0]?.x ?? '' },
    format: 'jwk',
  });
}
