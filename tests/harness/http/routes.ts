import type { Express } from 'express';

/** The parts of an Express layer that are read here. */
interface Layer {
  route?: { path: string; stack: { method?: string }[] };
  handle: { stack?: Layer[] };
  /** Where it is mounted. */
  rawPath: string;
}

/** Every route that an app serves, as `GET /api/orders/:id`. */
export const routesOf = (app: Express): string[] =>
  routesIn((app.router as unknown as { stack: Layer[] }).stack, '');

function routesIn(layers: Layer[], prefix: string): string[] {
  return layers.flatMap(({ route, rawPath, handle: { stack } }) => {
    if (route === undefined) return stack === undefined ? [] : routesIn(stack, joined(prefix, rawPath));
    const spoken = route.stack.flatMap(({ method }) => (method === undefined ? [] : [method.toUpperCase()]));
    return [...new Set(spoken)].map((method) => `${method} ${joined(prefix, route.path)}`);
  });
}

const joined = (prefix: string, path: string): string =>
  `${prefix}/${path}`.replace(/\/+/g, '/').replace(/(.)\/$/, '$1');
