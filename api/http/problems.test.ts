import { connect } from 'node:net';
import express from 'express';
import { ConnectionRefusedError, DatabaseError } from 'sequelize';
import { AppError } from '../../domain/shared/errors';
import { eventually } from '../../tests/harness/eventually';
import { problemHandler, toAppError } from './problems';
import { listen } from './server';

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
  expect(toAppError(error)).toMatchObject({
    code: 'service_unavailable',
    extensions: { retryAfterSeconds: expect.any(Number) },
  });
});

test('a statement that the database refuses is our own fault', () => {
  const refused = databaseError('Unknown column', { code: 'ER_BAD_FIELD_ERROR', fatal: false });
  expect(toAppError(refused).code).toBe('internal_error');
});

test('a client that wants its connection closed is heard out once it has been refused', async () => {
  const app = express();
  let taken = false;
  app.use((req) => {
    req.once('end', () => {
      taken = true;
    });
    throw new AppError('unauthenticated', 'This needs a token.');
  });
  app.use(problemHandler);
  const api = await listen(app, '127.0.0.1', 0);
  const client = connect(Number(new URL(api.url).port), '127.0.0.1');
  try {
    let answer = '';
    client.on('data', (part) => {
      answer += part.toString();
    });
    client.write('POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1000000\r\n\r\n');
    await eventually('refused', () => answer.endsWith('}'));
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    client.write(Buffer.alloc(1_000_000));
    await eventually('all of it is taken', () => taken);
  } finally {
    client.destroy();
    await api.stop(1_000);
  }
});
