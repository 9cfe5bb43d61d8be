import type { Tokenizer } from '../../text/index.js';
import type { Rng } from '../../util/index.js';
import type { MaskedToken } from './mask-words.js';
import type { FillSettings } from './spec.js';

/**
 * Kinds of tokens; one is replaced by one of its own kind: a Chinese character by another, the piece of a Latin word by
 * a piece. Special tokens, punctuation and tokens that are not in use have kind 0 and are never put in.
 */
const HAN = 1;
const PIECE = 2;
const WORD = 3;

const kinds = new WeakMap<Tokenizer, Uint8Array>();

function tokenKinds(tokenizer: Tokenizer): Uint8Array {
  const known = kinds.get(tokenizer);
  if (known) return known;
  const made = Uint8Array.from(tokenizer.vocabulary, (token) => {
    if (token === null || /^\[.*\]$/.test(token)) return 0;
    if (token.startsWith('##')) return PIECE;
    if (/^\p{Script=Han}+$/u.test(token)) return HAN;
    return /^[\p{L}\p{N}]+$/u.test(token) ? WORD : 0;
  });
  kinds.set(tokenizer, made);
  return made;
}

/**
 * The token to put in, from the logits [V] of a masked place: the most probable of its kind, or one that is drawn.
 */
export function fillToken(
  logits: Float32Array,
  masked: MaskedToken,
  tokenizer: Tokenizer,
  settings: FillSettings,
  rng: Rng,
): number {
  const kind = tokenKinds(tokenizer);
  const own = kind[masked.id] || WORD;
  const candidates: number[] = [];
  let best = -1;
  for (let id = 0; id < Math.min(kind.length, logits.length); id++) {
    if (kind[id] !== own || (settings.neverKeepSame && id === masked.id)) continue;
    if (best < 0 || logits[id]! > logits[best]!) best = id;
    if (settings.fillTemperature > 0) candidates.push(id);
  }
  if (best < 0) return masked.id; // a vocabulary with a single token of the kind
  if (settings.fillTemperature === 0) return best;
  const { topK } = settings;
  if (topK !== undefined && topK < candidates.length) {
    candidates.sort((a, b) => logits[b]! - logits[a]! || a - b);
    candidates.length = topK;
  }
  const weights = candidates.map((id) => Math.exp((logits[id]! - logits[best]!) / settings.fillTemperature));
  let left = rng.float() * weights.reduce((sum, w) => sum + w, 0);
  for (const [i, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return candidates[i]!;
  }
  return best;
}

/** The texts with tokens put in where others were masked; everything else stays as it was written. */
export function putIn(
  texts: readonly string[],
  masked: readonly MaskedToken[],
  fills: readonly number[],
  tokenizer: Tokenizer,
): string[] {
  return texts.map((text, sequence) => {
    let out = '';
    let from = 0;
    for (const [i, token] of masked.entries()) {
      if (token.sequence !== sequence) continue;
      // A token that came back is left as it was written, in upper case for one.
      const same = fills[i] === token.id;
      const fill = (tokenizer.idToToken(fills[i]!) ?? '').replace(/^##/, '');
      out += text.slice(from, token.start) + (same ? text.slice(token.start, token.end) : fill);
      from = token.end;
    }
    return out + text.slice(from);
  });
}

/** Blanks go, except between Latin letters, digits and the like. */
export function withoutBlanks(text: string): string {
  return text.replace(/\s+/g, (blank, at: number) => {
    const latin = (character: string | undefined) => /[A-Za-z0-9]/.test(character ?? '');
    return latin(text[at - 1]) && latin(text[at + blank.length]) ? ' ' : '';
  });
}
