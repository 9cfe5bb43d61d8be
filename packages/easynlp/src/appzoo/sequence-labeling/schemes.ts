/**
 * How tags mark entities. BIO: B-egin, I-nside. BIOES: also E-nd, and S-ingle for entities of one token. BMES: the same
 * with M-iddle for I. O is outside of entities everywhere.
 */
export const TAG_SCHEMES = ['bio', 'bioes', 'bmes'] as const;
export type TagScheme = (typeof TAG_SCHEMES)[number];

export type TagPrefix = 'O' | 'B' | 'I' | 'E' | 'S';

/** A tag in a scheme-free form: M is I. */
export interface Tag {
  readonly prefix: TagPrefix;
  /** Empty for O, and for tags without a type (B, M, E, S of word segmentation). */
  readonly type: string;
}

/** An entity over tokens `from` … `to` − 1. */
export interface TokenSpan {
  readonly type: string;
  readonly from: number;
  readonly to: number;
}

const OUTSIDE: Tag = { prefix: 'O', type: '' };

/** Null for what is no tag of any scheme. */
export function parseTag(tag: string): Tag | null {
  if (tag === 'O') return OUTSIDE;
  const found = /^([BIMES])(?:-(\S+))?$/.exec(tag);
  if (!found) return null;
  return { prefix: found[1] === 'M' ? 'I' : (found[1] as TagPrefix), type: found[2] ?? '' };
}

/** The scheme that the tags of some data are in, by the prefixes that occur. */
export function detectScheme(tags: Iterable<string>): TagScheme {
  const prefixes = new Set<string>();
  for (const tag of tags) prefixes.add(tag[0] ?? '');
  if (prefixes.has('M')) return 'bmes';
  return prefixes.has('E') || prefixes.has('S') ? 'bioes' : 'bio';
}

const PREFIXES: Readonly<Record<TagScheme, readonly string[]>> = {
  bio: ['B', 'I'],
  bioes: ['B', 'I', 'E', 'S'],
  bmes: ['B', 'M', 'E', 'S'],
};

const tagOf = (prefix: string, type: string) => (type === '' ? prefix : `${prefix}-${type}`);

/** All tags of a scheme over some types, O first. */
export function tagSet(scheme: TagScheme, types: readonly string[]): string[] {
  return ['O', ...types.flatMap((type) => PREFIXES[scheme].map((prefix) => tagOf(prefix, type)))];
}

/** The tags of `length` tokens with entities that do not overlap. */
export function tagsOfSpans(spans: readonly TokenSpan[], length: number, scheme: TagScheme): string[] {
  const tags = new Array<string>(length).fill('O');
  const inside = scheme === 'bmes' ? 'M' : 'I';
  for (const { type, from, to } of spans) {
    for (let i = from; i < to; i++) {
      const first = i === from;
      const last = i === to - 1;
      const prefix =
        scheme === 'bio' ? (first ? 'B' : 'I') : first && last ? 'S' : first ? 'B' : last ? 'E' : inside;
      tags[i] = tagOf(prefix, type);
    }
  }
  return tags;
}

/**
 * The entities of any sequence of tags, valid or not, by the rule of the CoNLL-2000 script (`conlleval`), which is also
 * seqeval's default: an entity begins at B and S; at I and E after O, after E or S, or after another type. It ends before
 * O, B and S, before another type, and after E and S. So `O I-PER I-PER` is an entity, and `B-PER I-LOC` are two.
 */
export function spansOfTags(tags: readonly Tag[]): TokenSpan[] {
  const spans: TokenSpan[] = [];
  let from = -1;
  let previous = OUTSIDE;
  for (let i = 0; i <= tags.length; i++) {
    const tag = tags[i] ?? OUTSIDE;
    const continues =
      (tag.prefix === 'I' || tag.prefix === 'E') &&
      (previous.prefix === 'B' || previous.prefix === 'I') &&
      tag.type === previous.type;
    if (!continues) {
      if (from >= 0) spans.push({ type: previous.type, from, to: i });
      from = tag.prefix === 'O' ? -1 : i;
    }
    previous = tag;
  }
  return spans;
}

/**
 * The entities whose tags are wholly valid in a scheme, as seqeval's strict mode counts them: in BIO, B and every I of
 * the same type that follows; in BIOES and BMES, S, or B … E of one type. All other tags are ignored.
 */
export function strictSpansOfTags(tags: readonly Tag[], scheme: TagScheme): TokenSpan[] {
  const spans: TokenSpan[] = [];
  for (let i = 0; i < tags.length; ) {
    const { prefix, type } = tags[i]!;
    if (prefix === 'S' && scheme !== 'bio') spans.push({ type, from: i, to: i + 1 });
    if (prefix !== 'B') {
      i++;
      continue;
    }
    let to = i + 1;
    while (to < tags.length && tags[to]!.prefix === 'I' && tags[to]!.type === type) to++;
    if (scheme === 'bio') spans.push({ type, from: i, to });
    else if (to < tags.length && tags[to]!.prefix === 'E' && tags[to]!.type === type) {
      spans.push({ type, from: i, to: ++to });
    }
    i = to;
  }
  return spans;
}

/** Tags of one scheme in another one; invalid sequences are read by the rule of `spansOfTags`. */
export function convertTags(tags: readonly string[], scheme: TagScheme): string[] {
  const parsed = tags.map((tag) => {
    const found = parseTag(tag);
    if (found === null) throw new RangeError(`"${tag}" is not a tag.`);
    return found;
  });
  return tagsOfSpans(spansOfTags(parsed), tags.length, scheme);
}
