/** A location that stores and ships stock. */
export interface Warehouse {
  code: string;
  name: string;
  /** ISO 3166-1 alpha-2. */
  country: string;
  /** Whether new orders may reserve its stock. Existing reservations stay. */
  active: boolean;
  /** Incremented by every change. */
  version: number;
}
