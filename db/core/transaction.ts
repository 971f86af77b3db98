/** A bound value of a statement. */
export type SqlValue = string | number | boolean | null;

/** An open transaction with its own connection. Sequelize reads both fields when a model query takes it. */
export class Tx {
  finished?: 'commit' | 'rollback';
  constructor(readonly connection: object) {}
}
