import type { Problem } from '../../../api/http/problems';
import type { PlaceOrderRequest } from '../../../api/orders/schemas';
import type { HttpResponse } from '../../harness/http/http-client';

export type { Problem };

let customerCount = 0;

/** @returns a unique email address. */
export function generateEmail(): string {
  customerCount += 1;
  return `customer${customerCount}.${process.pid}@mail.example`;
}

/** Builds a valid order request; items, email address and payment method can be replaced. */
export function buildOrderRequest(
  items: Record<string, number> = { 'walnut-desk': 1 },
  { email = generateEmail(), method = 'pm_card_visa' }: { email?: string; method?: string } = {},
): PlaceOrderRequest {
  return {
    items: Object.entries(items).map(([sku, quantity]) => ({ sku, quantity })),
    customer: { email, name: 'Ada Byron' },
    shippingAddress: {
      name: 'Ada Byron',
      line1: '1 Main St',
      city: 'Berlin',
      postalCode: '10115',
      country: 'DE',
    },
    payment: { method },
  };
}

export const DECLINED_CARD = 'pm_card_visa_chargeDeclined';

/** Expects a problem (RFC 9457) with that status and code. @returns it. */
export function expectProblem(response: HttpResponse<unknown>, status: number, code: string): Problem {
  const problem = response.body as Problem;
  expect({ status: response.status, text: response.text }).toEqual({ status, text: expect.any(String) });
  expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(problem).toMatchObject({
    type: expect.any(String),
    title: expect.any(String),
    detail: expect.any(String),
    instance: expect.stringMatching(/^\//),
    requestId: response.headers['x-request-id'],
    status,
    code,
  });
  return problem;
}
