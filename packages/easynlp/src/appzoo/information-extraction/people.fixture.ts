import { writeFileSync } from 'node:fs';
import { entityPrompt, rolePrompt } from './scheme.js';

const PEOPLE = ['王小明', '李雷', '韩梅梅', '赵云', '欧阳锋'];
const PLACES = ['北京', '上海', '乌鲁木齐', '杭州', '西安'];
const VERBS = ['在', '去了', '离开', '住在'];

export interface Sentence {
  readonly text: string;
  readonly entities: readonly { type: string; start: number; end: number }[];
}

/** Sentences with a person and mostly a place; every one differs from the others. */
export function sentences(count: number): Sentence[] {
  return Array.from({ length: count }, (_, i) => {
    const person = PEOPLE[i % PEOPLE.length]!;
    const place = PLACES[(i * 3 + (i >> 2)) % PLACES.length]!;
    const lead = i % 3 === 0 ? `${i}日，` : '';
    const verb = VERBS[i % VERBS.length]!;
    const hasPlace = i % 5 !== 4;
    const text = `${lead}${person}${hasPlace ? `${verb}${place}` : '休息'}。`;
    const at = text.indexOf(place);
    return {
      text,
      entities: [
        { type: '人物', start: lead.length, end: lead.length + person.length },
        ...(hasPlace ? [{ type: '地点', start: at, end: at + place.length }] : []),
      ],
    };
  });
}

/** Rows as CLUENER has them: positions of first and last characters by type and name. */
export function writeCluener(path: string, rows: readonly Sentence[]): string {
  const lines = rows.map(({ text, entities }) => {
    const label: Record<string, Record<string, number[][]>> = {};
    for (const { type, start, end } of entities) {
      label[type] ??= {};
      label[type][text.slice(start, end)] = [[start, end - 1]];
    }
    return JSON.stringify({ text, label });
  });
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

export interface Match {
  readonly text: string;
  readonly events: readonly {
    type: string;
    start: number;
    end: number;
    arguments: readonly { role: string; start: number; end: number }[];
  }[];
}

const TEAMS = ['红队', '蓝队', '飞鹰队', '海浪队'];

/** Matches with a winner and mostly a loser. */
export function matches(count: number): Match[] {
  return Array.from({ length: count }, (_, i) => {
    const winner = TEAMS[i % TEAMS.length]!;
    const loser = TEAMS[(i + 1 + (i >> 2)) % TEAMS.length]!;
    const hasLoser = i % 4 !== 3 && loser !== winner;
    const text = hasLoser ? `${i}日${winner}战胜${loser}。` : `${i}日${winner}夺冠。`;
    const trigger = hasLoser ? '战胜' : '夺冠';
    const place = (part: string) => ({ start: text.indexOf(part), end: text.indexOf(part) + part.length });
    return {
      text,
      events: [
        {
          type: '比赛',
          ...place(trigger),
          arguments: [
            { role: '胜者', ...place(winner) },
            ...(hasLoser ? [{ role: '败者', ...place(loser) }] : []),
          ],
        },
      ],
    };
  });
}

export function writeEvents(path: string, rows: readonly Match[]): string {
  writeFileSync(path, `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`);
  return path;
}

/** The same as questions of EasyNLP's training data: id, instruction, start, end, target. */
export function eventQuestions(rows: readonly Match[]): string[][] {
  const line = (
    id: string,
    { before, after }: { before: string; after: string },
    text: string,
    at: number[][],
  ) => [
    id,
    `['${before}${text}${after}']`,
    `[${at.length === 0 ? 0 : at.map(([start]) => start! + Array.from(before).length).join(',')}]`,
    `[${at.length === 0 ? 0 : at.map(([, end]) => end! + Array.from(before).length).join(',')}]`,
    at.map(([start, end]) => text.slice(start, end)).join('|'),
  ];
  return rows.flatMap(({ text, events }, i) => {
    const [event] = events;
    const trigger = text.slice(event!.start, event!.end);
    return [
      line(`matches-${i}-0`, entityPrompt('比赛'), text, [[event!.start, event!.end]]),
      line(`matches-${i}-1`, entityPrompt('会议'), text, []),
      ...['胜者', '败者'].map((role, k) =>
        line(
          `matches-${i}-${k + 2}`,
          rolePrompt(trigger, role),
          text,
          event!.arguments.filter((a) => a.role === role).map(({ start, end }) => [start, end]),
        ),
      ),
    ];
  });
}
