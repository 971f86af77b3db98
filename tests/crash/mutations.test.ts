import { rmSync } from 'node:fs';
import { runCrashCommand } from './crash-command';
import { createMutatedCopy, MUTATIONS } from './mutations';

jest.setTimeout(400_000);

/** Faults suffice to expose the mutations and are faster than kills. */
const ARGS = ['--orders', '40', '--seed', '1', '--monkey', 'fault', '--settle', '12'];

test.concurrent.each(MUTATIONS)('$name: increases $counter', async (mutation) => {
  const dir = createMutatedCopy(mutation);
  try {
    const { code, report, stderr } = await runCrashCommand(ARGS, dir);
    expect({ code, counted: report[mutation.counter] > 0, stderr }).toEqual({
      code: 1,
      counted: true,
      stderr,
    });
    const logs = /stored in (\S+)\.$/m.exec(stderr)?.[1];
    if (logs !== undefined) rmSync(logs, { recursive: true, force: true });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
