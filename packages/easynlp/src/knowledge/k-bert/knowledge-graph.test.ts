import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { GRAPH_FILE, KnowledgeGraph } from './knowledge-graph.js';

const folder = mkdtempSync(join(tmpdir(), 'easynlp-graph-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const foundIn = (graph: KnowledgeGraph, text: string) =>
  graph.find(text).map(({ start, end, branches }) => [text.slice(start, end), ...branches]);

describe('a .spo file', () => {
  it('gives each subject its first facts, in the order of the file', async () => {
    const lines = [
      '北京\t首都\t中国',
      '上海\t是\t城市',
      '',
      '北京\t首 都\t中国', // another fact for a reader, yet not the same text
      '北京\t首都\t中国',
      '北京\t别名\t燕京',
      '上海\t\u{feff}别名\t沪',
    ];
    for (const [name, content] of [
      ['plain.spo', `${lines.join('\n')}\n`],
      ['windows.spo', `\u{feff}${lines.join('\r\n')}`],
      ['packed.spo.gz', gzipSync(lines.join('\n'))],
    ] as const) {
      const graph = await KnowledgeGraph.read(file(name, content));
      expect(graph.branchesOf('北京'), name).toEqual(['首都中国', '首 都中国']);
      expect(graph.branchesOf('上海')).toEqual(['是城市', '别名沪']);
      expect(graph.branchesOf('广州')).toEqual([]);
      expect([graph.subjects, graph.triples]).toEqual([2, 4]);
      const more = await KnowledgeGraph.read(join(folder, name), 3);
      expect(more.branchesOf('北京')).toEqual(['首都中国', '首 都中国', '别名燕京']);
    }
  });

  it.each([
    ['北京\t首都\t中国\n上海\t城市\n', /line 2: 2 columns, expected 3 in "上海/],
    ['北京\t首都\t中国\t亚洲\n', /line 1: 4 columns/],
    ['北京 首都 中国\n', /line 1: 1 columns/],
    ['\n\n北京\t \t中国\n', /line 3: the predicate is empty/],
    ['\t首都\t中国\n', /line 1: the subject is empty/],
    ['北京\t首都\t\n', /line 1: the object is empty/],
  ])('that is malformed says where: %j', async (content, message) => {
    const path = file('wrong.spo', content);
    await expect(KnowledgeGraph.read(path)).rejects.toMatchObject({
      code: 'DATA_ROW_MALFORMED',
      exitCode: 3,
      message: expect.stringMatching(message),
      details: { file: path },
      hint: expect.stringContaining('separated by TAB'),
    });
  });

  it('that is missing, empty or no UTF-8 is an error', async () => {
    await expect(KnowledgeGraph.read(join(folder, 'absent.spo'))).rejects.toMatchObject({
      code: 'DATA_FILE_NOT_FOUND',
    });
    await expect(KnowledgeGraph.read(file('empty.spo', '\n\n'))).rejects.toMatchObject({
      code: 'DATA_EMPTY',
    });
    const gb = Buffer.concat([Buffer.from('北京\t首都\t中国\n'), Buffer.from([0xb1, 0xb1, 0xbe, 0xa9])]);
    await expect(KnowledgeGraph.read(file('gb.spo', gb))).rejects.toMatchObject({
      code: 'DATA_ENCODING',
      details: { line: 2 },
    });
  });

  it('is stored with a model: the facts in use, the same bytes for the same facts', async () => {
    const graph = await KnowledgeGraph.read(
      file('many.spo', '苹果\t类\t水果\n北京\t首都\t中国\n苹果\t颜色\t红\n苹果\t产地\t烟台\n'),
    );
    const [first, second] = ['a', 'b'].map((name) => mkdtempSync(join(folder, name))) as [string, string];
    await graph.save(first);
    expect(readdirSync(first)).toEqual([GRAPH_FILE]);
    expect(gunzipSync(readFileSync(join(first, GRAPH_FILE))).toString()).toBe(
      '苹果\t类\t水果\n苹果\t颜色\t红\n北京\t首都\t中国\n',
    );
    const facts = JSON.parse(JSON.stringify(graph)) as { maxEntities: number };
    expect(facts).toEqual({ file: GRAPH_FILE, subjects: 2, triples: 3, maxEntities: 2 });
    const again = await KnowledgeGraph.load(first, facts);
    await again.save(second);
    expect(readFileSync(join(second, GRAPH_FILE))).toEqual(readFileSync(join(first, GRAPH_FILE)));
    expect(JSON.parse(JSON.stringify(again))).toEqual(facts);
  });
});

describe('entities of a text', () => {
  const graph = KnowledgeGraph.of([
    ['Tim Cook', 'CEO', 'Apple'],
    ['北京', '首都', '中国'],
    ['北京大学', '位于', '海淀'],
    ['研究生', '是', '学生'],
    ['云原生', '属于', '计算'],
    ['《红楼梦》', '作者', '曹雪芹'],
    ['B-52', '是', '轰炸机'],
    ['的', '是', '助词'],
    ['👍', '意思', '赞'],
  ]);

  it('are words, also those that jieba alone would cut apart, and phrases', () => {
    expect(foundIn(graph, '我在北京学习云原生')).toEqual([
      ['北京', '首都中国'],
      ['云原生', '属于计算'],
    ]);
    expect(foundIn(graph, 'Tim Cook is visiting 北京 now')).toEqual([
      ['Tim Cook', 'CEO Apple'],
      ['北京', '首都中国'],
    ]);
    expect(foundIn(graph, '他读《红楼梦》，看B-52。')).toEqual([
      ['《红楼梦》', '作者曹雪芹'],
      ['B-52', '是轰炸机'],
    ]);
  });

  it('are the longest, and only where words begin and end', () => {
    expect(foundIn(graph, '北京大学')).toEqual([['北京大学', '位于海淀']]);
    // jieba knows 研究 and 生命: its own frequencies decide, not the graph.
    expect(foundIn(graph, '研究生命起源')).toEqual([]);
    expect(foundIn(graph, '他是研究生')).toEqual([['研究生', '是学生']]);
    expect(foundIn(graph, 'B-529')).toEqual([]);
  });

  it('are found among emoji and rare characters, and not in what is empty', () => {
    expect(foundIn(graph, '👍🏽👍\u{20000}北京\u0000')).toContainEqual(['北京', '首都中国']);
    expect(foundIn(graph, '👍')).toEqual([['👍', '意思赞']]);
    expect(graph.find('')).toEqual([]);
    expect(graph.find(' \n\t')).toEqual([]);
    expect(KnowledgeGraph.of([]).find('北京')).toEqual([]);
  });

  it('of any text stand in it from left to right, none inside of another', () => {
    const unit = fc.constantFrom(
      '北京',
      '大学',
      '云原生',
      '的',
      'Tim',
      'Cook',
      ' ',
      '研究生',
      '《',
      '👍',
      '\ud800',
      '。',
    );
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 20 }), (parts) => {
        const text = parts.join('');
        let last = 0;
        for (const { start, end, branches } of graph.find(text)) {
          expect(start).toBeGreaterThanOrEqual(last);
          expect(end).toBeGreaterThan(start);
          expect(branches).toEqual(graph.branchesOf(text.slice(start, end)));
          expect(branches.length).toBeGreaterThan(0);
          last = end;
        }
        expect(last).toBeLessThanOrEqual(text.length);
      }),
    );
  });
});
