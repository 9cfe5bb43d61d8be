import { readLines } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { nearest } from '../../util/index.js';

/** A word that decides about a label: its text has the label whatever the model says, or has not. */
export interface LabelRule {
  readonly word: string;
  readonly action: 'force' | 'forbid';
  readonly label: string;
}

/** A word that was found: `text.slice(start, end)`. */
export interface LabelHit extends LabelRule {
  readonly start: number;
  readonly end: number;
}

interface Node {
  readonly next: Map<string, Node>;
  rules: LabelRule[] | null;
}

/** Full-width and half-width forms, ligatures and capitals are one: NFKC, then lower case. */
const normalised = (text: string): string => text.normalize('NFKC').toLowerCase();

/**
 * Words that force or forbid labels. At every place the longest word counts; words that begin inside of it do not. Blanks
 * count as they are.
 */
export class LabelDictionary {
  private readonly root: Node = { next: new Map(), rules: null };

  constructor(readonly rules: readonly LabelRule[]) {
    for (const rule of rules) {
      let node = this.root;
      for (const unit of normalised(rule.word)) {
        let next = node.next.get(unit);
        if (!next) {
          next = { next: new Map(), rules: null };
          node.next.set(unit, next);
        }
        node = next;
      }
      node.rules = [...(node.rules ?? []), rule];
    }
  }

  /**
   * Reads lines of word, action (`force` or `forbid`) and label, separated by TAB; empty lines and those that begin with
   * # do not count.
   *
   * @param labels the model's; others are errors
   * @throws EasyNlpError DATA_ROW_MALFORMED, DATA_LABEL_UNKNOWN naming the line
   */
  static async read(path: string, labels?: readonly string[]): Promise<LabelDictionary> {
    const rules: LabelRule[] = [];
    for await (const { lines, first } of readLines(path)) {
      for (const [i, text] of lines.entries()) {
        if (text.trim() === '' || text.startsWith('#')) continue;
        const [word = '', action = '', label = '', ...more] = text.split('\t').map((part) => part.trim());
        if (word === '' || label === '' || more.length > 0 || (action !== 'force' && action !== 'forbid')) {
          throw new EasyNlpError('DATA_ROW_MALFORMED', {
            file: path,
            line: first + i,
            reason: 'expected a word, force or forbid, and a label, separated by TAB',
          });
        }
        if (labels && !labels.includes(label)) {
          throw new EasyNlpError('DATA_LABEL_UNKNOWN', {
            file: path,
            line: first + i,
            got: label,
            known: labels,
            suggestion: nearest(label, labels),
          });
        }
        rules.push({ word, action, label });
      }
    }
    return new LabelDictionary(rules);
  }

  /** All words of the text that have rules, in its order; a word with several rules comes several times. */
  match(text: string): LabelHit[] {
    // Normalising may make several characters of one: each remembers where it comes from.
    const units: string[] = [];
    const starts: number[] = [];
    const ends: number[] = [];
    let at = 0;
    // Marks belong to the letter before them, which normalising the letter alone would not know.
    for (const cluster of text.match(/\P{M}\p{M}*|\p{M}+/gsu) ?? []) {
      for (const unit of normalised(cluster)) {
        units.push(unit);
        starts.push(at);
        ends.push(at + cluster.length);
      }
      at += cluster.length;
    }
    const hits: LabelHit[] = [];
    for (let from = 0; from < units.length; ) {
      let node: Node | undefined = this.root;
      let found: { rules: LabelRule[]; to: number } | null = null;
      for (let to = from; to < units.length; to++) {
        node = node.next.get(units[to]!);
        if (!node) break;
        if (node.rules) found = { rules: node.rules, to: to + 1 };
      }
      if (!found) {
        from++;
        continue;
      }
      for (const rule of found.rules) hits.push({ ...rule, start: starts[from]!, end: ends[found.to - 1]! });
      from = found.to;
    }
    return hits;
  }
}

/** A label set after its dictionary: forced labels come first; where words disagree, forcing wins. */
export function applyRules(labels: readonly string[], hits: readonly LabelHit[]): string[] {
  const forced = new Set(hits.filter(({ action }) => action === 'force').map(({ label }) => label));
  const forbidden = new Set(hits.filter(({ action }) => action === 'forbid').map(({ label }) => label));
  return [...forced, ...labels.filter((label) => !forced.has(label) && !forbidden.has(label))];
}
