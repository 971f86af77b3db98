import { rmSync } from 'node:fs';
import { runCrashCommand } from './crash-command';
import { createMutatedCopy, MUTATIONS } from './mutations';

jest.setTimeout(400_000);

/** Faults are enough to bring these out, and take less time than kills. */
const ARGS = ['--orders', '40', '--seed', '1', '--monkey', 'fault', '--settle', '12'];

test.concurrent.each(MUTATIONS)('$name: $counter goes up', async (breakage) => {
  const dir = createMutatedCopy(breakage);
  try {
    const { code, report, stderr } = await runCrashCommand(ARGS, dir);
    expect({ code, counted: report[breakage.counter] > 0, stderr }).toEqual({
      code: 1,
      counted: true,
      stderr,
    });
    const logs = /kept in (\S+)\.$/m.exec(stderr)?.[1];
    if (logs !== undefined) rmSync(logs, { recursive: true, force: true });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
