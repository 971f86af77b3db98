import type { Problem } from '../../../api/http/problems';
import type { PlaceOrderRequest } from '../../../api/orders/schemas';
import type { HttpResponse } from '../../harness/http/http-client';

export type { Problem };

let customerCount = 0;

/** A customer nobody else is. */
export function generateEmail(): string {
  customerCount += 1;
  return `customer${customerCount}.${process.pid}@mail.example`;
}

/** The example of the design, with other items and another customer if need be. */
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

/** The answer is a problem (RFC 9457) of that kind. */
export function expectProblem(answer: HttpResponse<unknown>, status: number, code: string): Problem {
  const problem = answer.body as Problem;
  expect({ status: answer.status, text: answer.text }).toEqual({ status, text: expect.any(String) });
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(problem).toMatchObject({
    type: expect.any(String),
    title: expect.any(String),
    detail: expect.any(String),
    instance: expect.stringMatching(/^\//),
    requestId: answer.headers['x-request-id'],
    status,
    code,
  });
  return problem;
}
