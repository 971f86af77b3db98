import type { Dialect } from './servers';

/** One figure, with its reference if it has one, measured in the same run on the same servers. */
export interface BenchmarkResult {
  database: Dialect;
  name: string;
  value: number;
  unit: string;
  reference?: string;
  referenceValue?: number;
  /** `value` divided by `referenceValue`. */
  ratio?: number;
  target?: string;
  isTargetMet?: boolean;
}

/** Limits of the ratio, or of the value if there is no reference. */
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

export type Reporter = (measurement: Measurement) => void;

/** @returns null when this machine cannot measure it. */
export function toBenchmarkResult(database: Dialect, measurement: Measurement): BenchmarkResult | null {
  const { name, value, unit, reference, referenceValue, target } = measurement;
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
  const withUnit = (amount: number | undefined) => `${amount} ${unit}`.trimEnd();
  const comparison =
    reference === undefined ? '' : ` | ${reference}: ${withUnit(referenceValue)}, ratio ${ratio}`;
  const verdict = target === undefined ? '' : ` | target ${target}: ${isTargetMet ? 'met' : 'NOT MET'}`;
  return `${database.padEnd(6)} ${name}: ${withUnit(value)}${comparison}${verdict}`;
}

const roundTo = (value: number, digits: number): number => Math.round(value * 10 ** digits) / 10 ** digits;
