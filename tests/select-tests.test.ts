import { hasTitle, listTestFiles, selectTests } from './select-tests';

const selectPaths = (...args: string[]): string[] => selectTests(args).files.map(({ path }) => path);

test('assigns every test file to the jest project that runs it', () => {
  const projectOf = new Map(listTestFiles().map(({ path, project }) => [path, project]));
  expect(Object.fromEntries(projectOf)).toMatchObject({
    'config/config.test.ts': 'unit',
    'tests/select-tests.test.ts': 'unit',
    'tests/replay/replay.test.ts': 'replay',
    'tests/deploy/compose.test.ts': 'deploy',
    'tests/deploy/processes.test.ts': 'processes',
    'tests/crash/crash.test.ts': 'crash',
  });
});

test('selects files by a part of their path, as a test, a source file or an absolute path', () => {
  const expected = ['config/price-rules.test.ts'];
  expect(selectPaths('config/price-rules')).toEqual(expected);
  expect(selectPaths('./config/price-rules.test.ts')).toEqual(expected);
  expect(selectPaths('config/price-rules.ts')).toEqual(expected);
  expect(selectPaths(`${__dirname}/../config/price-rules.test.ts`)).toEqual(expected);
  expect(selectTests(['config/price-rules']).titlePattern).toBeUndefined();
});

test('selects the files that contain a title, and escapes it for jest', () => {
  const { files, titlePattern } = selectTests(['the files that contain a title, and escapes it']);
  expect(files).toEqual([{ path: 'tests/select-tests.test.ts', project: 'unit' }]);
  expect(titlePattern).toBe('the files that contain a title, and escapes it');
  expect(selectTests(['select-tests', 'contain a title?']).titlePattern).toBe('contain a title\\?');
});

test('searches for the title in the files selected by path', () => {
  expect(selectPaths('config/', 'the files that contain a title')).toEqual([]);
  expect(selectPaths('select-tests', 'the', 'files', 'that', 'contain')).toHaveLength(1);
});

test('selects nothing when neither a path nor a title matches', () => {
  expect(selectPaths(['no such', 'test'].join(' '))).toEqual([]);
});

test.each([
  ['a title', "test('rejects a damaged file', () => {", 'Rejects a damaged'],
  ['a title with quotes', "test('accepts what\\'s valid', () => {", "accepts what's valid"],
  ['blocks and a test', "describe('the api', () => { test('rejects', () => {", 'the api › rejects'],
  ['a title of test.each', "test.each(cases)('rejects a file: %s', () => {", 'rejects a file: {"a": 1}'],
  ['a title with a variable', "test.each(cases)('rejects $name at once', () => {", 'rejects PORT at once'],
])('finds %s in a source', (_case, source, title) => {
  expect(hasTitle(source, title)).toBe(true);
  expect(hasTitle(source, `never ${title}`)).toBe(false);
});
