/*
 * Prototype scores: how much of a row's knowledge other domains can use (Pan et al., ACL 2021, §3.2; the same score as
 * in Meta Fine-Tuning, Wang et al., EMNLP 2020).
 *
 * With E(x) the mean of the encoder's last hidden states, domain k's prototype of class m is
 *
 *   p_k^m = 1/|D_k^m| · Σ_{x ∈ D_k^m} E(x)                                                             (1)
 *
 * and a row x of domain k and class m gets
 *
 *   t(x) = α·cos(E(x), p_k^m) + (1 − α)/(K − 1) · Σ_{k' ≠ k} cos(E(x), p_{k'}^m)                       (2)
 *
 * EasyNLP knows no classes: one centroid a domain, and one cosine with the mean of the other centroids (`domain`).
 */

export interface EmbeddedRow {
  /** E(x) */
  readonly embedding: Float32Array | Float64Array;
  readonly domain: number;
  readonly label: number;
}

export type PrototypeKind = 'class' | 'domain';

export interface PrototypeOptions {
  /** `class` as the paper, `domain` as EasyNLP. */
  readonly kind: PrototypeKind;
  /** α of equation (2). */
  readonly alpha: number;
}

/** cos(a, b); 0 where one of them is 0. */
export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
  }
  return aa === 0 || bb === 0 ? 0 : dot / (Math.sqrt(aa) * Math.sqrt(bb));
}

/** Component-wise mean of vectors of one length. */
export function meanOf(vectors: readonly ArrayLike<number>[]): Float64Array {
  const sum = new Float64Array(vectors[0]?.length ?? 0);
  for (const vector of vectors) for (let i = 0; i < sum.length; i++) sum[i]! += vector[i]!;
  return sum.map((value) => value / vectors.length);
}

/** t(x) of equation (2) from one row's own prototype and those of the other domains. */
export function prototypeScore(
  embedding: ArrayLike<number>,
  own: ArrayLike<number>,
  others: readonly ArrayLike<number>[],
  { kind, alpha }: PrototypeOptions,
): number {
  const near = cosine(embedding, own);
  // A class that no other domain has can be compared with its own prototype only.
  if (others.length === 0) return near;
  const far =
    kind === 'class'
      ? others.reduce((sum, other) => sum + cosine(embedding, other), 0) / others.length
      : cosine(embedding, meanOf(others));
  return alpha * near + (1 - alpha) * far;
}

interface Prototype {
  readonly mean: Float64Array;
  readonly rows: number;
}

/** Equation (1): by class (one for all where classes do not matter), then by domain. */
function prototypesOf(
  rows: readonly EmbeddedRow[],
  kind: PrototypeKind,
): Map<number, Map<number, Prototype>> {
  const members = new Map<number, Map<number, ArrayLike<number>[]>>();
  for (const row of rows) {
    const label = kind === 'class' ? row.label : 0;
    const domains = members.get(label) ?? new Map<number, ArrayLike<number>[]>();
    members.set(label, domains);
    const list = domains.get(row.domain) ?? [];
    domains.set(row.domain, list);
    list.push(row.embedding);
  }
  const prototype = (list: readonly ArrayLike<number>[]) => ({ mean: meanOf(list), rows: list.length });
  return new Map(
    [...members].map(([label, domains]) => [
      label,
      new Map([...domains].map(([domain, list]) => [domain, prototype(list)])),
    ]),
  );
}

/** Equation (2) for a row among the prototypes of one class. */
function scoreAmong(
  { embedding, domain }: Omit<EmbeddedRow, 'label'>,
  prototypes: ReadonlyMap<number, Prototype>,
  options: PrototypeOptions,
): number {
  const others = [...prototypes].filter(([other]) => other !== domain).map(([, { mean }]) => mean);
  return prototypeScore(embedding, prototypes.get(domain)!.mean, others, options);
}

/** Equations (1) and (2) for all rows of a training set: one score a row, in order. */
export function prototypeScores(rows: readonly EmbeddedRow[], options: PrototypeOptions): Float64Array {
  const prototypes = prototypesOf(rows, options.kind);
  return Float64Array.from(rows, (row) =>
    scoreAmong(row, prototypes.get(options.kind === 'class' ? row.label : 0)!, options),
  );
}

/**
 * The same for rows that nobody has labelled, among the prototypes of labelled ones: the mean of the scores that a row
 * would get in each class, weighted by how often its domain has the class.
 */
export function unlabelledScores(
  rows: readonly Omit<EmbeddedRow, 'label'>[],
  labelled: readonly EmbeddedRow[],
  options: PrototypeOptions,
): Float64Array {
  const prototypes = [...prototypesOf(labelled, options.kind).values()];
  return Float64Array.from(rows, (row) => {
    const classes = prototypes.filter((domains) => domains.has(row.domain));
    const size = (domains: ReadonlyMap<number, Prototype>) => domains.get(row.domain)!.rows;
    const total = classes.reduce((sum, domains) => sum + size(domains), 0);
    return classes.reduce(
      (sum, domains) => sum + (size(domains) / total) * scoreAmong(row, domains, options),
      0,
    );
  });
}
