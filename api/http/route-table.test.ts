import { defineEndpoint, EVERYONE } from './endpoint';
import { emptyResponse } from './openapi/responses';
import { RouteTable } from './route-table';

const declare = (path: string) =>
  defineEndpoint({
    method: 'get',
    path,
    policy: EVERYONE,
    summary: 'Test',
    tags: ['test'],
    responses: { 200: emptyResponse('OK') },
    handler: () => undefined,
  });

const routes = new RouteTable(
  ['/a/:id', '/a/list', '/a/:id/b', '/a/list/c', '/a/:id/b/:other'].map((path) => declare(path)),
);
const find = (path: string) => {
  const match = routes.find(path);
  return match && [match.route.endpoints[0]?.path, match.params()];
};

test.each([
  ['/a/list', ['/a/list', {}]],
  ['/a/list/', ['/a/list', {}]],
  ['/a/7', ['/a/:id', { id: '7' }]],
  ['/a/list/c', ['/a/list/c', {}]],
  // The static segment leads nowhere, the parameter does.
  ['/a/list/b', ['/a/:id/b', { id: 'list' }]],
  ['/a/x/b/y', ['/a/:id/b/:other', { id: 'x', other: 'y' }]],
  ['/a/%7E%2F%C3%A9', ['/a/:id', { id: '~/é' }]],
  ['/a/__proto__', ['/a/:id', { id: '__proto__' }]],
])('finds the route of %s', (path, expected) => {
  expect(find(path)).toEqual(expected);
});

test.each(['/', '/a', '/a/', '/a//', '//a/7', '/A/7', '/a/7/b/c/d', '/a/7//', '/constructor', '/a/list/d'])(
  'finds no route for %s',
  (path) => {
    expect(find(path)).toBeNull();
  },
);

test('rejects a parameter that is not encoded correctly', () => {
  expect(() => find('/a/%E0%A4')).toThrow(expect.objectContaining({ code: 'invalid_request' }));
});
