import { ConnectionRefusedError, DatabaseError } from 'sequelize';
import { toFailure } from './problems';

const databaseError = (message: string, facts: object) =>
  new DatabaseError(Object.assign(new Error(message), { sql: 'SELECT 1', ...facts }));

test.each([
  ['cannot be reached', new ConnectionRefusedError(new Error('connect ECONNREFUSED'))],
  [
    'dies in the middle of a statement',
    databaseError('read ECONNRESET', { code: 'ECONNRESET', fatal: true }),
  ],
  [
    'dies while a connection is set up',
    Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', fatal: true }),
  ],
])('a database that %s is away for the moment', (_, error) => {
  expect(toFailure(error)).toMatchObject({
    code: 'service_unavailable',
    extra: { retryAfterSeconds: expect.any(Number) },
  });
});

test('a statement that the database refuses is our own fault', () => {
  const refused = databaseError('Unknown column', { code: 'ER_BAD_FIELD_ERROR', fatal: false });
  expect(toFailure(refused).code).toBe('internal_error');
});
