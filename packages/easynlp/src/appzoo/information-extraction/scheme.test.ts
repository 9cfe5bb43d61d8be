import { describe, expect, it } from 'vitest';
import type { Row } from '../../datahub/index.js';
import { answersIn, entitiesOf, eventsOf, unwrapped } from './gold.js';
import {
  entityPrompt,
  formatScheme,
  parseInstruction,
  parseScheme,
  parseTypeNames,
  rolePrompt,
} from './scheme.js';

const row = (values: Row['values']): Row => ({ values, file: 'data.tsv', line: 7 });

describe('schemes', () => {
  it('are types, or events with roles', () => {
    expect(parseScheme('人物;地点;')).toEqual([
      { type: '人物', roles: [] },
      { type: '地点', roles: [] },
    ]);
    const events = parseScheme('竞赛名称:主办方,承办方;比赛：冠军，亚军');
    expect(events).toEqual([
      { type: '竞赛名称', roles: ['主办方', '承办方'] },
      { type: '比赛', roles: ['冠军', '亚军'] },
    ]);
    expect(parseScheme(formatScheme(events))).toEqual(events);
    expect(parseScheme('a:x;a:y,x')).toEqual([{ type: 'a', roles: ['x', 'y'] }]);
  });

  it.each([
    ['', /names no type/],
    [' ; ', /names no type/],
    [':冠军', /roles but no type/],
    ['比赛:冠军:亚军', /more than one colon/],
  ])('%j is refused', (text, message) => {
    expect(() => parseScheme(text)).toThrow(message);
  });

  it('words for types', () => {
    expect(parseTypeNames('address=地址; name = 姓名')).toEqual({ address: '地址', name: '姓名' });
    expect(() => parseTypeNames('address')).toThrow(/not type=words/);
  });
});

describe('EasyNLP’s questions', () => {
  it('are taken apart', () => {
    const text = '文章：【甲】【乙】队';
    for (const [prompt, label] of [
      [entityPrompt('比赛（体育）'), '比赛（体育）'],
      [rolePrompt('世界【杯】', '冠军'), '冠军'],
    ] as const) {
      const { before, after } = prompt;
      expect(parseInstruction(`${before}${text}${after}`)).toEqual({ before, text, after, label });
    }
    expect(parseInstruction('谁赢了？红队')).toEqual({
      before: '',
      text: '谁赢了？红队',
      after: '',
      label: '',
    });
  });

  it('are unwrapped whatever the quotes', () => {
    expect(["['a\"b']", '["a\'b"]', " ['a'] ", 'a', "['a"].map(unwrapped)).toEqual([
      'a"b',
      "a'b",
      'a',
      'a',
      "['a",
    ]);
  });

  it('have answers in characters, which become UTF-16 offsets', () => {
    const instruction = '😀甲乙😀丙';
    expect(answersIn(row({ start: '[1,3]', end: '[3, 5]' }), instruction)).toEqual([
      { start: 2, end: 4 },
      { start: 4, end: 7 },
    ]);
    expect(answersIn(row({ start: '[0]', end: '[0]' }), instruction)).toEqual([]);
    expect(answersIn(row({ start: '[]', end: '' }), instruction)).toEqual([]);
    expect(answersIn(row({ start: [1], end: [2] }), instruction)).toEqual([{ start: 2, end: 3 }]);
  });

  it.each([
    [{ start: '[1,2]', end: '[2]' }, /as many positions/],
    [{ start: '[1]', end: '[9]' }, /at most 5/],
    [{ start: '[3]', end: '[2]' }, /position after 3/],
    [{ start: '[x]', end: '[2]' }, /list of positions/],
    [{ start: '[1]' }, /no such column/],
  ] as const)('wrong answers %j are told with their place', (values, message) => {
    expect(() => answersIn(row(values as Row['values']), '😀甲乙😀丙')).toThrow(message);
    expect(() => answersIn(row(values as Row['values']), '😀甲乙😀丙')).toThrow(/data\.tsv, line 7/);
  });
});

describe('answers as JSON', () => {
  const text = '甲乙丙';
  it('entities and events', () => {
    const entity = { type: '人', start: 0, end: 2 };
    expect(entitiesOf(row({ entities: JSON.stringify([entity]) }), 'entities', text)).toEqual([entity]);
    expect(entitiesOf(row({ entities: [] }), 'entities', text)).toEqual([]);
    expect(eventsOf(row({ events: JSON.stringify([entity]) }), 'events', text)).toEqual([
      { ...entity, arguments: [] },
    ]);
  });

  it.each([
    '{',
    '{}',
    '[{"type":"人","start":0,"end":4}]',
    '[{"type":"人","start":1,"end":1}]',
    '[{"type":"","start":0,"end":1}]',
    '[{"start":0,"end":1}]',
    '[{"type":"人","start":0.5,"end":1}]',
  ])('%s is refused', (cell) => {
    expect(() => entitiesOf(row({ entities: cell }), 'entities', text)).toThrow(/is not a list of entities/);
  });

  it('an argument beyond the text is refused', () => {
    const cell = '[{"type":"比赛","start":0,"end":1,"arguments":[{"role":"冠军","start":2,"end":9}]}]';
    expect(() => eventsOf(row({ events: cell }), 'events', text)).toThrow(/is not a list of events/);
  });
});
