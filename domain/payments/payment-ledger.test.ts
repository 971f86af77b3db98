import { derivePaymentStatus } from './payment-ledger';

const entry = (kind: Parameters<typeof derivePaymentStatus>[0][number]['kind'], amountMinor = 1000) => ({
  kind,
  amountMinor,
});

test.each([
  ['none', []],
  ['pending', [entry('intent')]],
  ['authorized', [entry('intent'), entry('authorized')]],
  ['failed', [entry('intent'), entry('declined')]],
  ['voided', [entry('intent'), entry('authorized'), entry('voided')]],
  ['paid', [entry('intent'), entry('captured')]],
  ['partially_refunded', [entry('captured'), entry('refunded', 400)]],
  ['refunded', [entry('captured'), entry('refunded', 400), entry('refunded', 600)]],
] as const)('%s', (status, entries) => {
  expect(derivePaymentStatus(entries)).toBe(status);
});
