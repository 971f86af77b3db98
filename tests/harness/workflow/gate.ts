export interface Gate {
  /** Resolves when somebody opens the gate. */
  opened: Promise<void>;
  open(): void;
}

/** What a test waits at, or has others wait at. */
export function createGate(): Gate {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
