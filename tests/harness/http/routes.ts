import type { Express } from 'express';

/** The fields of an Express layer that are read. */
interface Layer {
  route?: { path: string; stack: { method?: string }[] };
  handle: { stack?: Layer[] };
  /** Path of the mount. */
  rawPath: string;
}

/** Every route of an app, as `GET /api/orders/:id`. */
export const listRoutes = (app: Express): string[] =>
  collectRoutes((app.router as unknown as { stack: Layer[] }).stack, '');

function collectRoutes(layers: Layer[], prefix: string): string[] {
  return layers.flatMap(({ route, rawPath, handle: { stack } }) => {
    if (route === undefined)
      return stack === undefined ? [] : collectRoutes(stack, joinPath(prefix, rawPath));
    const methods = route.stack.flatMap(({ method }) => (method === undefined ? [] : [method.toUpperCase()]));
    return [...new Set(methods)].map((method) => `${method} ${joinPath(prefix, route.path)}`);
  });
}

const joinPath = (prefix: string, path: string): string =>
  `${prefix}/${path}`.replace(/\/+/g, '/').replace(/(.)\/$/, '$1');
