import { NOTIFICATION_KINDS } from '../../domain/notifications/notification-rules';

afterEach(() => jest.resetModules());

test('loads a template for every kind of notification in both formats', () => {
  expect(() => jest.requireActual('./render-mail')).not.toThrow();
});

test('fails at import when a kind of notification has no template', () => {
  jest.doMock('../../domain/notifications/notification-rules', () => ({
    NOTIFICATION_KINDS: [...NOTIFICATION_KINDS, 'order_shipped'],
  }));
  expect(() => jest.requireActual('./render-mail')).toThrow('missing mail templates: order_shipped.html.eta');
});
