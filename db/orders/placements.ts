import type { Database, Tx } from '../core/connect';
import { insertRows } from '../core/sql';
import type { Placement } from './models';

export type { Placement } from './models';

export interface Placements {
  add(placement: Placement, tx: Tx): Promise<void>;
  findByOrder(orderId: string): Promise<Placement | null>;
}

export function createPlacements(db: Database): Placements {
  const { placements } = db.models;
  return {
    add: (placement, tx) => insertRows(db, placements, [placement], { tx }),

    findByOrder: (orderId) => placements.findOne({ where: { orderId } }),
  };
}
