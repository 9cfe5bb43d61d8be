import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SPECIAL_ROLES } from './bert-spec.js';
import type { TokenizerParts } from './load-folder.js';
import { formatUserWord } from './user-word.js';
import { USER_DICTIONARY, wordConfig } from './word-settings.js';

type Json = Record<string, unknown>;

/** Writes the files of a tokenizer in the Hugging Face layout, each one whole or not at all. */
export async function saveTokenizerFolder(folder: string, parts: TokenizerParts): Promise<void> {
  await mkdir(folder, { recursive: true });
  const spec = { ...parts.spec, truncation: null, padding: null };
  const special: Record<string, string> = {};
  for (const role of SPECIAL_ROLES) {
    const token = parts.special[role];
    if (token !== undefined) special[`${role}_token`] = token;
  }
  const config: Json = { ...parts.config, ...special };
  config.added_tokens_decoder = addedTokens(spec);
  config.tokenizer_class ??= 'PreTrainedTokenizerFast';
  if (parts.words !== null) {
    Object.assign(config, wordConfig(parts.words.segmenter));
    const { userDictionary } = parts.words;
    // Removed where there is none: a folder that is written again must not keep the old one.
    if (userDictionary.length === 0) await rm(join(folder, USER_DICTIONARY), { force: true });
    else await write(folder, USER_DICTIONARY, `${userDictionary.map(formatUserWord).join('\n')}\n`);
  }
  await write(folder, 'tokenizer.json', json(spec));
  await write(folder, 'tokenizer_config.json', json(config));
  await write(folder, 'special_tokens_map.json', json(special));
  const vocabulary = wordPieceLines(spec);
  if (vocabulary !== null) await write(folder, 'vocab.txt', `${vocabulary.join('\n')}\n`);
}

/** `transformers` takes added tokens from here when it builds its tokenizer from the vocabulary. */
function addedTokens(spec: Json): Json {
  const decoder: Json = {};
  const added = Array.isArray(spec.added_tokens) ? (spec.added_tokens as Json[]) : [];
  for (const { id, ...token } of added) decoder[String(id)] = token;
  return decoder;
}

/** The vocabulary by id, null when the model is not WordPiece (whose vocabularies vocab.txt cannot express). */
function wordPieceLines(spec: Json): string[] | null {
  const model = spec.model as { type?: unknown; vocab?: Record<string, number> } | undefined;
  if (model?.type !== 'WordPiece' || model.vocab === undefined) return null;
  const lines: string[] = [];
  for (const [token, id] of Object.entries(model.vocab)) lines[id] = token;
  // An id without a token (a vocab.txt that held one token twice) keeps its line, or all later ids would move.
  for (let id = 0; id < lines.length; id++) lines[id] ??= `[unused-id-${id}]`;
  return lines;
}

async function write(folder: string, name: string, content: string): Promise<void> {
  const path = join(folder, name);
  const partial = `${path}.${process.pid}.partial`;
  await writeFile(partial, content, 'utf8');
  await rename(partial, path);
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
