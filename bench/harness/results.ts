import type { Dialect } from './servers';

/** One figure, where it can be beside its reference, measured in the same run on the same servers. */
export interface BenchmarkResult {
  database: Dialect;
  name: string;
  value: number;
  unit: string;
  reference?: string;
  referenceValue?: number;
  /** Ours over theirs. */
  ratio?: number;
  target?: string;
  isTargetMet?: boolean;
}

/** What a figure should be: of the ratio where there is a reference, else of the figure. */
export interface Target {
  atLeast?: number;
  atMost?: number;
}

export interface Measurement {
  name: string;
  value: number | null;
  unit: string;
  reference?: string;
  referenceValue?: number | null;
  target?: Target;
}

export type Reporter = (measure: Measurement) => void;

/** @returns null when this machine cannot measure it. */
export function toBenchmarkResult(database: Dialect, measure: Measurement): BenchmarkResult | null {
  const { name, value, unit, reference, referenceValue, target } = measure;
  if (value === null || referenceValue === null) return null;
  const ratio = referenceValue === undefined ? undefined : roundTo(value / referenceValue, 2);
  return {
    database,
    name,
    value: roundTo(value, 1),
    unit,
    ...(reference === undefined || referenceValue === undefined
      ? {}
      : { reference, referenceValue: roundTo(referenceValue, 1), ratio: ratio ?? 0 }),
    ...(target === undefined
      ? {}
      : { target: formatTarget(target), isTargetMet: meetsTarget(target, ratio ?? value) }),
  };
}

const meetsTarget = ({ atLeast, atMost }: Target, value: number): boolean =>
  (atLeast === undefined || value >= atLeast) && (atMost === undefined || value <= atMost);

const formatTarget = ({ atLeast, atMost }: Target): string =>
  atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`;

export function formatResult({
  database,
  name,
  value,
  unit,
  reference,
  referenceValue,
  ratio,
  target,
  isTargetMet,
}: BenchmarkResult): string {
  const beside = reference === undefined ? '' : ` | ${reference}: ${referenceValue} ${unit}, ratio ${ratio}`;
  const verdict = target === undefined ? '' : ` | ${target}: ${isTargetMet ? 'met' : 'NOT MET'}`;
  return `${database.padEnd(6)} ${name}: ${value} ${unit}${beside}${verdict}`;
}

const roundTo = (value: number, digits: number): number => Math.round(value * 10 ** digits) / 10 ** digits;
