import * as initial from './001-initial';
import type { Migration } from './migration';

/** In the order they are applied. The name of a released migration never changes. */
export const MIGRATIONS: [name: string, { up: Migration; down: Migration }][] = [['001-initial', initial]];
