import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { jiebaKnows, jiebaSegmenter } from '../../datahub/corpus/index.js';
import { readLines } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { gapBetween } from './join-words.js';
import { MAX_ENTITIES } from './options.js';

/** An entity in a text, `text.slice(start, end)` in UTF-16 code units, and what the graph says about it. */
export interface FoundEntity {
  readonly start: number;
  readonly end: number;
  /** Predicate and object of each fact. */
  readonly branches: readonly string[];
}

/** The graph's file in the folder of a trained model. */
export const GRAPH_FILE = 'knowledge.spo.gz';

/** Words of a phrase that is looked up as a whole. */
const LONGEST_PHRASE = 12;

/**
 * A knowledge graph as K-BERT looks it up: the first facts of each subject, in the order of the file.
 *
 * @example
 * const graph = await KnowledgeGraph.read('HowNet.spo');
 * graph.find('苹果的首席执行官库克正在访问北京'); // [{ start: 0, end: 2, branches: ['类水果'] }, …]
 */
export class KnowledgeGraph {
  /** Most facts of a subject. */
  readonly maxEntities: number;
  /** Facts in use. */
  readonly triples: number;
  readonly #facts: ReadonlyMap<string, readonly Fact[]>;
  #cut: ((text: string) => string[]) | undefined;
  #packed: Buffer | undefined;

  private constructor(facts: ReadonlyMap<string, readonly Fact[]>, maxEntities: number) {
    this.#facts = facts;
    this.maxEntities = maxEntities;
    let triples = 0;
    for (const own of facts.values()) triples += own.length;
    this.triples = triples;
  }

  /**
   * Reads a .spo file: subject, predicate and object of each line, separated by TAB; empty lines do not count. Of facts
   * that say the same in other columns, and of those beyond `maxEntities` for a subject, only the first count.
   *
   * @throws EasyNlpError DATA_FILE_NOT_FOUND, DATA_EMPTY, DATA_ENCODING, DATA_ROW_MALFORMED naming the line
   */
  static async read(path: string, maxEntities = MAX_ENTITIES): Promise<KnowledgeGraph> {
    const facts = new Map<string, Fact[]>();
    for await (const { lines, first } of readLines(path)) {
      for (const [i, line] of lines.entries()) {
        if (line.trim() === '') continue;
        add(facts, factOf(line, path, first + i), maxEntities);
      }
    }
    if (facts.size === 0) throw new EasyNlpError('DATA_EMPTY', { file: path, reason: 'it names no fact' });
    return new KnowledgeGraph(facts, maxEntities);
  }

  /** A graph of `[subject, predicate, object]`. */
  static of(
    triples: Iterable<readonly [subject: string, predicate: string, object: string]>,
    maxEntities = MAX_ENTITIES,
  ): KnowledgeGraph {
    const facts = new Map<string, Fact[]>();
    for (const triple of triples) add(facts, triple, maxEntities);
    return new KnowledgeGraph(facts, maxEntities);
  }

  get subjects(): number {
    return this.#facts.size;
  }

  /** What the graph says about a subject, as branches: predicate and object as one text. */
  branchesOf(subject: string): readonly string[] {
    return (this.#facts.get(subject) ?? []).map(branchOf);
  }

  /**
   * K-Query, eq. 1 of the paper: the entities of a text that the graph knows, from left to right, none inside of another.
   * The text is cut into words by jieba, which the subjects are added to; the longest run of words that is a subject counts,
   * so that subjects with spaces or punctuation in them are found, too.
   */
  find(text: string): FoundEntity[] {
    if (this.#facts.size === 0) return [];
    this.#cut ??= this.#makeCut();
    const ends: number[] = [];
    let at = 0;
    for (const word of this.#cut(text)) {
      at += word.length;
      ends.push(at);
    }
    // A segmenter that changes the text has lost the places.
    if (at !== text.length) return [];
    const found: FoundEntity[] = [];
    for (let i = 0; i < ends.length; ) {
      const start = ends[i - 1] ?? 0;
      let j = Math.min(ends.length, i + LONGEST_PHRASE) - 1;
      while (j >= i && !(this.#facts.has(text.slice(start, ends[j])) && isWhole(text, start, ends[j]!))) j--;
      if (j >= i) found.push({ start, end: ends[j]!, branches: this.branchesOf(text.slice(start, ends[j])) });
      i = Math.max(i, j) + 1;
    }
    return found;
  }

  /** Writes the facts in use into a model's folder: equal graphs make equal files. */
  async save(folder: string): Promise<void> {
    this.#packed ??= gzipSync(
      [...this.#facts.values()].map((own) => own.map((fact) => `${fact.join('\t')}\n`).join('')).join(''),
    );
    await writeFile(join(folder, GRAPH_FILE), this.#packed);
  }

  /** What `save` has written. */
  static load(folder: string, { maxEntities }: Pick<KnowledgeFacts, 'maxEntities'>): Promise<KnowledgeGraph> {
    return KnowledgeGraph.read(join(folder, GRAPH_FILE), maxEntities);
  }

  /** What `easynlp.json` says of the graph. */
  toJSON(): KnowledgeFacts {
    const { subjects, triples, maxEntities } = this;
    return { file: GRAPH_FILE, subjects, triples, maxEntities };
  }

  #makeCut(): (text: string) => string[] {
    const known = jiebaKnows();
    const subjects = [...this.#facts.keys()].filter(
      (subject) => !/[\s\u0085]/u.test(subject) && !known(subject),
    );
    const segmenter = jiebaSegmenter({ userDictionary: subjects.map((word) => ({ word })) });
    return (text) => segmenter.cut(text);
  }
}

export interface KnowledgeFacts {
  readonly file: string;
  readonly subjects: number;
  readonly triples: number;
  readonly maxEntities: number;
}

type Fact = readonly [subject: string, predicate: string, object: string];

/** Whether no Latin word or number is cut at the ends: jieba may do so for a subject such as B-52 in B-529. */
const isWhole = (text: string, start: number, end: number): boolean =>
  [start, end].every((at) => gapBetween(text.slice(Math.max(0, at - 2), at), text.slice(at, at + 2)) === '');

const branchOf = ([, predicate, object]: Fact): string =>
  `${predicate}${gapBetween(predicate, object)}${object}`;

function add(facts: Map<string, Fact[]>, fact: Fact, most: number): void {
  const own = facts.get(fact[0]);
  if (own === undefined) facts.set(fact[0], [fact]);
  else if (own.length < most && !own.some((other) => branchOf(other) === branchOf(fact))) own.push(fact);
}

function factOf(text: string, file: string, line: number): Fact {
  const parts = text.split('\t').map((part) => part.trim());
  const empty = parts.indexOf('');
  if (parts.length === 3 && empty < 0) return parts as unknown as Fact;
  throw new EasyNlpError('DATA_ROW_MALFORMED', {
    file,
    line,
    reason:
      parts.length === 3
        ? `the ${['subject', 'predicate', 'object'][empty]} is empty`
        : `${parts.length} columns, expected 3 in ${JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)}`,
    hint: 'Expected subject, predicate and object separated by TAB: 北京\t首都\t中国',
  });
}
