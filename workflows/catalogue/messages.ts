import type { ImportCounts, ImportOutcome } from '../../domain/catalogue/product-import';
import type { ImportPolicy } from '../../domain/shared/policy';

export const IMPORT_WORKFLOW = 'importProducts';

/** Input of a product import. The file is stored in SQL. */
export interface ImportInput {
  importId: string;
  policy: ImportPolicy;
}

export interface ImportResult extends ImportCounts {
  status: ImportOutcome;
  rows: number;
  doneRows: number;
}
