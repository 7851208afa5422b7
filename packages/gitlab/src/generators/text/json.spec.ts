import { removeJson, setJson } from './json';

describe('setting a property', () => {
  it('keeps comments and the rest of the file byte for byte, with tabs where the file has tabs', () => {
    const text = '{\n\t// why\n\t"a":   1,\n\t"b": [1,2] // b\n}\n';
    expect(setJson(text, ['c'], { d: 1 })).toBe(
      '{\n\t// why\n\t"a":   1,\n\t"b": [1,2], // b\n\t"c": {\n\t\t"d": 1\n\t}\n}\n',
    );
  });

  it('inserts in alphabetical order among sorted names, else at the end', () => {
    expect(setJson('{\n  "x": {\n    "a": 1,\n    "c": 2\n  }\n}', ['x', 'b'], 3)).toBe(
      '{\n  "x": {\n    "a": 1,\n    "b": 3,\n    "c": 2\n  }\n}',
    );
    expect(setJson('{\n  "x": {\n    "c": 1,\n    "a": 2\n  }\n}', ['x', 'b'], 3)).toBe(
      '{\n  "x": {\n    "c": 1,\n    "a": 2,\n    "b": 3\n  }\n}',
    );
  });

  it('creates missing parent objects, and keeps an object on one line if it was', () => {
    expect(setJson('{}\n', ['a', 'b'], 1)).toBe('{\n  "a": {\n    "b": 1\n  }\n}\n');
    expect(setJson('{\n  "a": { "x": 1 }\n}\n', ['a', 'b'], 1)).toBe('{\n  "a": { "x": 1, "b": 1 }\n}\n');
    expect(setJson('{\n  "a": "text"\n}', ['a', 'b'], 1)).toBe('{\n  "a": {\n    "b": 1\n  }\n}');
  });

  it('keeps the style of trailing commas', () => {
    expect(setJson('{\n  "a": 1,\n}', ['b'], 2)).toBe('{\n  "a": 1,\n  "b": 2,\n}');
  });

  it.each([
    ['CRLF', '{\r\n  "a": 1,\r\n  "b": { "c": 2 }\r\n}\r\n'],
    ['a comment on the last line', '{\n  "a": 1, // a\n  "b": 2 // b\n}\n'],
    ['trailing commas', '{\n  "a": 1,\n  "b": 2,\n}\n'],
    ['one line', '{ "a": 1, "b": 2 }'],
    ['an unsorted file', '{\n  "b": 1,\n  "a": 2\n}\n'],
    ['a sorted file and a name in the middle', '{\n  "a": 1,\n  "zz": 2\n}\n'],
    ['a name before all others', '{\n  "zy": 1,\n  "zz": 2\n}\n'],
    ['an empty object', '{}'],
  ])('is undone byte for byte by removing it: %s', (_, text) => {
    expect(removeJson(setJson(text, ['z'], { y: [1] }), ['z'])).toBe(text);
  });
});
