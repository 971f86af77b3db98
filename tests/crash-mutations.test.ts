import { applyMutation, MUTATIONS } from './crash/mutations';

/** Detects a changed snippet without running the crash suite. */
test.each(MUTATIONS)('$name: matches the source', (mutation) => {
  expect(() => applyMutation(mutation)).not.toThrow();
});
