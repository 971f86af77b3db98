import { connect } from 'node:net';
import express from 'express';
import { pino } from 'pino';
import { ConnectionRefusedError, DatabaseError } from 'sequelize';
import { AppError } from '../../domain/shared/errors';
import { eventually } from '../../tests/harness/eventually';
import { createProblemHandler, toAppError } from './problems';
import { listen } from './server';

const databaseError = (message: string, properties: object) =>
  new DatabaseError(Object.assign(new Error(message), { sql: 'SELECT 1', ...properties }));

test.each([
  ['is unreachable', new ConnectionRefusedError(new Error('connect ECONNREFUSED'))],
  [
    'closes the connection during a statement',
    databaseError('read ECONNRESET', { code: 'ECONNRESET', fatal: true }),
  ],
  [
    'closes the connection while it is opened',
    Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', fatal: true }),
  ],
])('maps a database that %s to service_unavailable', (_, error) => {
  expect(toAppError(error)).toMatchObject({
    code: 'service_unavailable',
    extensions: { retryAfterSeconds: expect.any(Number) },
  });
});

test('maps a rejected statement to internal_error', () => {
  const rejected = databaseError('Unknown column', { code: 'ER_BAD_FIELD_ERROR', fatal: false });
  expect(toAppError(rejected).code).toBe('internal_error');
});

test('reads the rest of the body after an early error, also with Connection: close', async () => {
  const app = express();
  let isBodyRead = false;
  app.use((req) => {
    req.once('end', () => {
      isBodyRead = true;
    });
    throw new AppError('unauthenticated', 'This needs a token.');
  });
  app.use(createProblemHandler(pino({ level: 'silent' })));
  const api = await listen(app, '127.0.0.1', 0);
  const client = connect(Number(new URL(api.url).port), '127.0.0.1');
  try {
    let response = '';
    client.on('data', (chunk) => {
      response += chunk.toString();
    });
    client.write('POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1000000\r\n\r\n');
    await eventually('a response', () => response.endsWith('}'));
    expect(response).toMatch(/^HTTP\/1\.1 401 /);
    client.write(Buffer.alloc(1_000_000));
    await eventually('the body is read', () => isBodyRead);
  } finally {
    client.destroy();
    await api.stop(1_000);
  }
});
