export interface Gate {
  /** Resolves when the gate is opened. */
  opened: Promise<void>;
  open(): void;
}

/** A promise that a test awaits, or makes other code await, until `open` is called. */
export function createGate(): Gate {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
