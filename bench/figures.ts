import type { Dialect } from './servers';

/** One figure, where it can be beside its reference, measured in the same run on the same servers. */
export interface Figure {
  database: Dialect;
  what: string;
  ours: number;
  unit: string;
  reference?: string;
  theirs?: number;
  /** Ours over theirs. */
  ratio?: number;
  aim?: string;
  met?: boolean;
}

/** What a figure should be: of the ratio where there is a reference, else of the figure. */
export interface Aim {
  atLeast?: number;
  atMost?: number;
}

export interface Measure {
  what: string;
  ours: number | null;
  unit: string;
  reference?: string;
  theirs?: number | null;
  aim?: Aim;
}

export type Report = (measure: Measure) => void;

/** @returns null when this machine cannot measure it. */
export function toFigure(database: Dialect, measure: Measure): Figure | null {
  const { what, ours, unit, reference, theirs, aim } = measure;
  if (ours === null || theirs === null) return null;
  const ratio = theirs === undefined ? undefined : rounded(ours / theirs, 2);
  return {
    database,
    what,
    ours: rounded(ours, 1),
    unit,
    ...(reference === undefined || theirs === undefined
      ? {}
      : { reference, theirs: rounded(theirs, 1), ratio: ratio ?? 0 }),
    ...(aim === undefined ? {} : { aim: inWords(aim), met: isMet(aim, ratio ?? ours) }),
  };
}

const isMet = ({ atLeast, atMost }: Aim, value: number): boolean =>
  (atLeast === undefined || value >= atLeast) && (atMost === undefined || value <= atMost);

const inWords = ({ atLeast, atMost }: Aim): string =>
  atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`;

export function describe({ database, what, ours, unit, reference, theirs, ratio, aim, met }: Figure): string {
  const beside = reference === undefined ? '' : ` | ${reference}: ${theirs} ${unit}, ratio ${ratio}`;
  const verdict = aim === undefined ? '' : ` | ${aim}: ${met ? 'met' : 'NOT MET'}`;
  return `${database.padEnd(6)} ${what}: ${ours} ${unit}${beside}${verdict}`;
}

const rounded = (value: number, digits: number): number => Math.round(value * 10 ** digits) / 10 ** digits;
