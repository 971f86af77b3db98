import fc from 'fast-check';
import { allocate, formatMoney, minorUnitDigits, money, parseAmount } from './money';

const total = fc.integer({ min: 0, max: 1_000_000_000_000 });
const weights = fc.array(fc.integer({ min: 0, max: 1_000_000_000 }), { minLength: 1, maxLength: 30 });
const positiveWeights = weights.filter((ws) => ws.some((w) => w > 0));
const sum = (ns: readonly number[]): number => ns.reduce((a, b) => a + b, 0);

describe('allocate', () => {
  test('returns parts that add up to the total', () => {
    fc.assert(
      fc.property(total, weights, (t, ws) => {
        const parts = allocate(t, ws);
        expect(parts).toHaveLength(ws.length);
        expect(sum(parts)).toBe(t);
      }),
    );
  });

  test('keeps each part within one minor unit of its exact share', () => {
    fc.assert(
      fc.property(total, positiveWeights, (t, ws) => {
        const divisor = BigInt(sum(ws));
        allocate(t, ws).forEach((part, i) => {
          const distance = BigInt(part) * divisor - BigInt(t) * BigInt(ws[i]!);
          expect(distance < divisor && -distance < divisor).toBe(true);
        });
      }),
    );
  });

  test('never gives a larger weight a smaller part', () => {
    fc.assert(
      fc.property(total, positiveWeights, (t, ws) => {
        const parts = allocate(t, ws);
        const byWeight = ws.map((w, i) => ({ w, part: parts[i]! })).sort((a, b) => a.w - b.w);
        for (let i = 1; i < byWeight.length; i += 1) {
          const [lower, upper] = [byWeight[i - 1]!, byWeight[i]!];
          if (lower.w < upper.w) expect(lower.part).toBeLessThanOrEqual(upper.part);
        }
      }),
    );
  });

  test('gives a zero weight nothing while another weight is positive', () => {
    fc.assert(
      fc.property(total, positiveWeights, (t, ws) => {
        allocate(t, ws).forEach((part, i) => {
          if (ws[i] === 0) expect(part).toBe(0);
        });
      }),
    );
  });

  test('resolves ties to the earlier part and splits equally without weights', () => {
    expect(allocate(100, [1, 1, 1])).toEqual([34, 33, 33]);
    expect(allocate(5, [0, 0])).toEqual([3, 2]);
    expect(allocate(0, [])).toEqual([]);
  });

  test.each([
    ['a negative total', -1, [1]],
    ['a fraction', 1.5, [1]],
    ['a negative weight', 1, [-1]],
    ['a weight beyond the safe integers', 1, [2 ** 53]],
    ['no weights for a positive total', 1, []],
  ])('rejects %s', (_name, t, ws) => {
    expect(() => allocate(t, ws)).toThrow(RangeError);
  });
});

describe('formatMoney', () => {
  test.each([
    [41900, 'EUR', '€419.00'],
    [5, 'EUR', '€0.05'],
    [-1999, 'EUR', '-€19.99'],
    [500, 'JPY', '¥500'],
    [0, 'JPY', '¥0'],
    [1234567, 'KWD', 'KWD 1,234.567'],
    [7, 'KWD', 'KWD 0.007'],
    [Number.MAX_SAFE_INTEGER, 'EUR', '€90,071,992,547,409.91'],
  ])('formats %d %s as %s', (amount, currency, written) => {
    // Intl puts a no-break space after a code.
    expect(formatMoney(money(amount, currency)).replaceAll('\u00a0', ' ')).toBe(written);
  });

  test('preserves every digit', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.constantFrom('EUR', 'JPY', 'KWD'), (amount, currency) => {
        const written = formatMoney(money(amount, currency));
        expect(Number(written.replace(/\D/g, ''))).toBe(Math.abs(amount));
        expect(written.split('.')[1] ?? '').toHaveLength(minorUnitDigits(currency));
        expect(written.startsWith('-')).toBe(amount < 0);
      }),
    );
  });
});

describe('parseAmount', () => {
  test('parses exactly the formatted amount', () => {
    fc.assert(
      fc.property(
        fc.nat(Number.MAX_SAFE_INTEGER),
        fc.constantFrom('EUR', 'JPY', 'KWD'),
        (minor, currency) => {
          const digits = minorUnitDigits(currency);
          const padded = String(minor).padStart(digits + 1, '0');
          const decimal = digits === 0 ? padded : `${padded.slice(0, -digits)}.${padded.slice(-digits)}`;
          fc.pre(decimal.replace(/\..*/, '').length <= 15);
          expect(parseAmount(decimal, currency)).toBe(minor);
        },
      ),
    );
  });

  test.each(['', '.', '1.', '.5', '-1', '+1', '1e3', '1,00', '1 000', '1.005', '0x10', '9'.repeat(16), ' 1'])(
    'rejects %j in EUR',
    (text) => {
      expect(parseAmount(text, 'EUR')).toBeNull();
    },
  );
});
