/** Stripe's test payment methods (https://docs.stripe.com/testing) and the results of charging them. */

export interface CardDecline {
  code: string;
  /** The issuer's reason; null for some codes. */
  declineCode: string | null;
  message: string;
}

export interface TestPaymentMethod {
  brand: string;
  last4: string;
  result: 'approved' | 'needs_authentication' | CardDecline;
}

const cardDeclined = (declineCode: string, message = 'Your card was declined.'): CardDecline => ({
  code: 'card_declined',
  declineCode,
  message,
});
const cardError = (code: string, message: string): CardDecline => ({ code, declineCode: null, message });

const DECLINES: Record<string, { last4: string; decline: CardDecline }> = {
  '': { last4: '0002', decline: cardDeclined('generic_decline') },
  InsufficientFunds: {
    last4: '9995',
    decline: cardDeclined('insufficient_funds', 'Your card has insufficient funds.'),
  },
  LostCard: { last4: '9987', decline: cardDeclined('lost_card') },
  StolenCard: { last4: '9979', decline: cardDeclined('stolen_card') },
  ExpiredCard: { last4: '0069', decline: cardError('expired_card', 'Your card has expired.') },
  IncorrectCvc: {
    last4: '0127',
    decline: cardError('incorrect_cvc', "Your card's security code is incorrect."),
  },
  ProcessingError: {
    last4: '0119',
    decline: cardError(
      'processing_error',
      'An error occurred while processing your card. Try again in a little bit.',
    ),
  },
};

const TEST_PAYMENT_METHODS = new Map<string, TestPaymentMethod>([
  ['pm_card_visa', { brand: 'visa', last4: '4242', result: 'approved' }],
  ['pm_card_mastercard', { brand: 'mastercard', last4: '4444', result: 'approved' }],
  ['pm_card_amex', { brand: 'amex', last4: '8431', result: 'approved' }],
  ['pm_card_authenticationRequired', { brand: 'visa', last4: '3184', result: 'needs_authentication' }],
]);
// Stripe documents some names with the brand and some without; clients use both.
for (const [name, { last4, decline }] of Object.entries(DECLINES)) {
  for (const prefix of ['pm_card_chargeDeclined', 'pm_card_visa_chargeDeclined']) {
    TEST_PAYMENT_METHODS.set(prefix + name, { brand: 'visa', last4, result: decline });
  }
}

export const findTestPaymentMethod = (name: string): TestPaymentMethod | undefined =>
  TEST_PAYMENT_METHODS.get(name);
