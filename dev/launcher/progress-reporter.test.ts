import { ProgressReporter } from './progress-reporter';

function createReporter() {
  const output = { text: '', write: (text: string) => (output.text += text.replace(/\d+\.\d s/, 'n s')) };
  return { reporter: new ProgressReporter(output), output };
}

test('prints a step on one line', async () => {
  const { reporter, output } = createReporter();
  await reporter.run('Database', () => 3, String);
  expect(output.text).toBe('Database … 3 (n s)\n');
});

test('prints concurrent steps as they end', async () => {
  const { reporter, output } = createReporter();
  const ends: (() => void)[] = [];
  const start = (label: string) => reporter.run(label, () => new Promise<void>((end) => ends.push(end)));
  const steps = [start('one'), start('two'), start('three')];
  for (const end of ends.toReversed()) {
    end();
    await new Promise(setImmediate);
  }
  await Promise.all(steps);
  expect(output.text).toBe('one … \nthree: done (n s)\ntwo: done (n s)\none: done (n s)\n');
  await reporter.run('four', () => undefined);
  expect(output.text).toContain('\nfour … done (n s)\n');
});

test('prints nothing of steps that run when it is muted', async () => {
  const { reporter, output } = createReporter();
  let fail: (error: Error) => void = () => undefined;
  const step = reporter.run('one', () => new Promise<void>((_, reject) => (fail = reject)));
  reporter.mute();
  reporter.print('stopped');
  fail(new Error('killed'));
  await expect(step).rejects.toThrow('killed');
  await reporter.run('two', () => undefined);
  expect(output.text).toBe('one … \nstopped\ntwo … done (n s)\n');
});
