/** A place that stock is kept in and sent from. */
export interface Warehouse {
  code: string;
  name: string;
  /** ISO 3166-1 alpha-2. */
  country: string;
  /** Whether orders may take stock from it. What is reserved there stays reserved. */
  active: boolean;
  /** Grows by one with every change. */
  version: number;
}
