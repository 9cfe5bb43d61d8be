import type { TrainConfig } from '../../config/index.js';
import type { DataSource } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import type { TaskSpec } from '../app.js';
import type { EasyNlpTraining } from '../easynlp-training.js';
import { chosenColumn, columnNames, labelsOfOptions, TEXT_COLUMNS } from '../sequence/index.js';
import { goldOf } from './gold.js';
import type { LabelingOptions } from './options.js';
import { detectScheme, parseTag, type TagScheme, tagSet } from './schemes.js';
import { isCharacter, type Unit, unitOf } from './units.js';

/** A tagging task: its columns, its tags, and how texts are cut into what gets a tag. */
export interface LabelingSpec extends TaskSpec {
  readonly app: 'sequence_labeling';
  readonly firstSequence: string;
  readonly labelName: string;
  readonly scheme: TagScheme;
  /** Types of entities. */
  readonly types: readonly string[];
  /** Tags; a tag's id is its position. */
  readonly labels: readonly string[];
  /** Names of tags that data give by numbers. */
  readonly tagNames?: readonly string[];
  readonly unit: Unit;
  /** Trained on texts whose tokens are separated by spaces. */
  readonly spaced: boolean;
  /** How texts are read when predicting; unset = by their looks. */
  readonly tokenized?: boolean;
  readonly crf: boolean;
  readonly crfLrFactor: number;
}

/** Usual names of the text's column. */
export const TOKEN_COLUMNS: readonly string[] = ['tokens', 'words', ...TEXT_COLUMNS];
const TAG_COLUMNS = ['tags', 'ner_tags', 'entities', 'spans', 'labels', 'label'];

/** Finds columns, types and scheme; reads the whole of the data once, so that what is wrong shows before training. */
export async function prepareLabeling(config: TrainConfig, source: DataSource): Promise<LabelingSpec> {
  const { crf, crfLrFactor, tagScheme, unit: wanted } = config as TrainConfig & LabelingOptions;
  if (config.secondSequence !== undefined) {
    throw new EasyNlpError('CONFIG_INVALID_VALUE', {
      key: 'secondSequence',
      expected: 'nothing: sequence_labeling reads one text',
      got: JSON.stringify(config.secondSequence),
    });
  }
  const columns = await columnNames(source);
  const firstSequence = chosenColumn(config.firstSequence, TOKEN_COLUMNS, columns, 'text', source.name);
  const labelName = chosenColumn(config.labelName, TAG_COLUMNS, columns, 'label', source.name);
  const given = (await labelsOfOptions(config))?.labels ?? null;
  const known = given === null ? null : typesOfLabels(given);
  const tagNames = given?.every((label) => parseTag(label) !== null) ? given : undefined;
  const facts = { tokens: 0, characters: 0, spaced: false, lists: false };
  const types = new Set<string>();
  const prefixes = new Set<string>();
  const unit: Unit = wanted === 'word' ? 'word' : 'character';
  for await (const row of source.rows()) {
    const gold = goldOf(row, { firstSequence, labelName, unit, ...(tagNames ? { tagNames } : {}) });
    if (gold.tags !== null) {
      facts.spaced ||= typeof row.values[firstSequence] === 'string';
      facts.tokens += gold.units.surfaces.length;
      for (const surface of gold.units.surfaces) if (isCharacter(surface)) facts.characters++;
      for (const tag of gold.tags) prefixes.add(tag[0]!);
    }
    for (const { type, from } of gold.spans) {
      if (known === null) types.add(type);
      else if (!known.includes(type)) {
        throw new EasyNlpError('DATA_LABEL_UNKNOWN', {
          file: row.file,
          line: row.line + (row.itemLines ? from : 0),
          column: labelName,
          got: gold.tags?.[from] ?? type,
          known: given!,
        });
      }
    }
  }
  const all = known ?? [...types].sort();
  if (all.length === 0) {
    throw new EasyNlpError('DATA_LABELS', { reason: `${source.name} has no entities: every tag is O` });
  }
  const scheme = tagScheme === 'auto' ? detectScheme(tagNames ?? prefixes) : tagScheme;
  return {
    app: 'sequence_labeling',
    sequenceLength: config.sequenceLength,
    firstSequence,
    labelName,
    scheme,
    types: all,
    labels: tagSet(scheme, all),
    ...(tagNames ? { tagNames } : {}),
    unit: wanted === 'auto' ? unitOf(facts.tokens, facts.characters) : unit,
    spaced: facts.spaced,
    crf,
    crfLrFactor,
  };
}

/** Labels may be given as tags (O, B-PER, I-PER) or as types (PER). */
function typesOfLabels(labels: readonly string[]): readonly string[] {
  const tags = labels.map(parseTag);
  if (tags.some((tag) => tag === null)) {
    const mixed = labels.find((label) => label === 'O' || /^[BIESM]-/.test(label));
    if (mixed === undefined) return labels;
    throw new EasyNlpError('DATA_LABELS', {
      reason: `"${mixed}" is a tag, but "${labels[tags.indexOf(null)]}" is not; give tags, or types of entities only`,
    });
  }
  return [...new Set(tags.filter((tag) => tag!.prefix !== 'O').map((tag) => tag!.type))];
}

export function adjustLabeling(
  spec: LabelingSpec,
  { texts = 'auto' }: Readonly<Record<string, unknown>>,
): LabelingSpec {
  return texts === 'auto' ? spec : { ...spec, tokenized: texts === 'tokens' };
}

/** What a model with a head for tokens does that was trained elsewhere: its labels are tags of one of the schemes. */
export function pretrainedLabeling(
  config: Readonly<Record<string, unknown>>,
  { easynlp }: { readonly easynlp?: EasyNlpTraining } = {},
): LabelingSpec | null {
  const { architectures, id2label, max_position_embeddings: positions } = config;
  if (easynlp) {
    const { sequenceLength, firstSequence, labelName } = easynlp;
    return labelingOf(easynlp.labels, { sequenceLength, firstSequence, labelName, spaced: true });
  }
  const heads = Array.isArray(architectures) ? architectures.map(String) : [];
  if (!heads.some((name) => name.endsWith('ForTokenClassification'))) return null;
  if (typeof id2label !== 'object' || id2label === null) return null;
  const names = id2label as Readonly<Record<string, string>>;
  const labels = Object.keys(names)
    .sort((a, b) => Number(a) - Number(b))
    .map((id) => names[id]!);
  return labelingOf(labels, {
    sequenceLength: Math.min(256, typeof positions === 'number' ? positions : 256),
    firstSequence: 'text',
    labelName: 'entities',
    spaced: false,
  });
}

/** The task of a trained head with these tags; null where they are none. */
function labelingOf(
  labels: readonly string[],
  own: Pick<LabelingSpec, 'sequenceLength' | 'firstSequence' | 'labelName' | 'spaced'>,
): LabelingSpec | null {
  const tags = labels.map(parseTag);
  const types = [...new Set(tags.flatMap((tag) => (tag === null || tag.prefix === 'O' ? [] : [tag.type])))];
  if (tags.includes(null) || types.length === 0) return null;
  return {
    ...own,
    app: 'sequence_labeling',
    scheme: detectScheme(labels),
    types,
    labels,
    unit: 'character',
    crf: false,
    crfLrFactor: 1,
  };
}
