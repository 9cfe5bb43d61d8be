/** An entity among the tokens of a text, `from` … `to` − 1, and the tokens of its branches. */
export interface Mention {
  readonly from: number;
  readonly to: number;
  readonly branches: readonly Int32Array[];
}

/** A branch of a sentence tree; all places are hard positions, the ends excluded. */
export interface Branch {
  readonly from: number;
  readonly to: number;
  /** The entity that it hangs on. */
  readonly entityFrom: number;
  readonly entityTo: number;
}

/**
 * A sentence tree, Liu et al. 2020 (arXiv 1909.07606) §3.3, as a sequence of N tokens: the text's own tokens (the trunk)
 * with each entity's branches behind its last token. A token's place in the sequence is its hard position.
 */
export interface SentenceTree {
  /** [N] */
  readonly ids: Int32Array;
  /** Soft positions [N], §3.4.1: those of the trunk are the text's, those of a branch go on from its entity's last token. */
  readonly softPositions: Int32Array;
  /** [N]: the token of the text that each one is, or whose branch it is in. */
  readonly sources: Int32Array;
  /** Hard position of each token of the text. */
  readonly trunk: Int32Array;
  readonly branches: readonly Branch[];
}

/**
 * K-Inject, eq. 2. The text keeps all its tokens; branches take the room that it leaves: the first branch of each entity
 * from left to right, then the second ones and so on, each as a whole or not at all.
 *
 * @param text token ids, [CLS] and [SEP] included
 * @param mentions from left to right, none inside of another
 * @param maxLength most tokens of the tree; a text of more stays without branches
 */
export function buildSentenceTree(
  text: Int32Array,
  mentions: readonly Mention[],
  maxLength: number,
): SentenceTree {
  const chosen = chooseBranches(mentions, maxLength - text.length);
  const added = chosen.flat().reduce((sum, branch) => sum + branch.length, 0);
  const length = text.length + added;
  const ids = new Int32Array(length);
  const softPositions = new Int32Array(length);
  const sources = new Int32Array(length);
  const trunk = new Int32Array(text.length);
  const branches: Branch[] = [];
  let at = 0;
  let next = 0;
  for (const [t, id] of text.entries()) {
    ids[at] = id;
    softPositions[at] = t;
    sources[at] = t;
    trunk[t] = at++;
    if (mentions[next]?.to !== t + 1) continue;
    const entity = { entityFrom: trunk[mentions[next]!.from]!, entityTo: at };
    for (const branch of chosen[next]!) {
      ids.set(branch, at);
      for (let k = 0; k < branch.length; k++) softPositions[at + k] = t + 1 + k;
      sources.fill(t, at, at + branch.length);
      branches.push({ from: at, to: at + branch.length, ...entity });
      at += branch.length;
    }
    next++;
  }
  return { ids, softPositions, sources, trunk, branches };
}

/** The branches of each entity that there is room for, in their order. */
function chooseBranches(mentions: readonly Mention[], room: number): Int32Array[][] {
  const chosen = mentions.map((): Int32Array[] => []);
  const most = mentions.reduce((max, { branches }) => Math.max(max, branches.length), 0);
  let left = room;
  for (let n = 0; n < most; n++) {
    for (const [m, { branches }] of mentions.entries()) {
      const branch = branches[n];
      if (branch === undefined || branch.length === 0 || branch.length > left) continue;
      chosen[m]!.push(branch);
      left -= branch.length;
    }
  }
  return chosen;
}

/**
 * The visible matrix, eq. 3, as an attention mask: 1 where M is 0 and 0 where M is −∞. Two tokens see each other when they
 * are on one branch: tokens of the text all do, and a branch sees itself and its entity. Beyond the tree each place sees
 * itself only, so that no row is empty.
 *
 * @param out zeros, written row by row: `width` rows of `width`, which is at least the number of tokens
 */
export function visibleMatrix({ ids, trunk, branches }: SentenceTree, width: number, out: Uint8Array): void {
  const row = new Uint8Array(width);
  for (const place of trunk) row[place] = 1;
  for (const place of trunk) out.set(row, place * width);
  for (const { from, to, entityFrom, entityTo } of branches) {
    for (let i = entityFrom; i < entityTo; i++) out.fill(1, i * width + from, i * width + to);
    for (let i = from; i < to; i++) {
      out.fill(1, i * width + from, i * width + to);
      out.fill(1, i * width + entityFrom, i * width + entityTo);
    }
  }
  for (let i = ids.length; i < width; i++) out[i * width + i] = 1;
}
