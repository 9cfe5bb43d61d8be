import { readFile } from 'node:fs/promises';
import {
  applyRules,
  embeddingKeywords,
  type Keyword,
  LabelDictionary,
  textRankKeywords,
  tfIdfKeywords,
} from '../appzoo/tagging/index.js';
import { type TaggingConfig, type TaggingOptions, taggingConfigSchema } from '../config/index.js';
import { jiebaIdf, jiebaTagger, readUserDictionary } from '../datahub/corpus/index.js';
import { EasyNlpError } from '../errors/index.js';
import { type PipelineTask, pipeline } from './pipeline.js';
import { checkedOptions } from './solution-texts.js';

export interface Tag {
  readonly label: string;
  /** null where a dictionary alone gives the tag. */
  readonly probability: number | null;
}

/** `text.slice(start, end)` of the given text. */
export interface EntityWord {
  readonly text: string;
  readonly label: string;
  readonly start: number;
  readonly end: number;
}

/** What a text is about. Parts that were not asked for are empty. */
export interface TaggingResult {
  readonly tags: readonly Tag[];
  readonly keywords: readonly Keyword[];
  readonly entities: readonly EntityWord[];
}

export interface Tagger {
  (text: string): Promise<TaggingResult>;
  (texts: readonly string[]): Promise<TaggingResult[]>;
  dispose(): void;
}

/** A pipeline whose task is only known from the model. */
interface AnyPipeline {
  (texts: readonly string[]): Promise<readonly Readonly<Record<string, unknown>>[]>;
  readonly spec: Readonly<Record<string, unknown>>;
  dispose(): void;
}

const wrong = (option: string, model: string, expected: string) =>
  new EasyNlpError('CONFIG_INVALID_VALUE', { key: option, expected, got: model });

/** Texts whose models answer together. */
const CHUNK = 256;

/**
 * PAI's tagging solution: the tags that a multi-label model gives, keywords, and entity words, in one result.
 *
 * @example
 * const tag = await tagger({ tagModel: 'out/tags', keywords: 'textrank' });
 * const { tags, keywords, entities } = await tag('华为发布新款手机，摄像头升级明显');
 */
export async function tagger(given: TaggingOptions): Promise<Tagger> {
  const config = checkedOptions(taggingConfigSchema, given);
  const opened: AnyPipeline[] = [];
  const dispose = () => {
    for (const model of opened.splice(0)) model.dispose();
  };
  try {
    const open = async (model: string | undefined, task?: PipelineTask): Promise<AnyPipeline | null> => {
      if (model === undefined) return null;
      const { device, precision, batchSize, numThreads } = config;
      const run = (await pipeline<PipelineTask>(task, model, {
        device,
        precision,
        batchSize,
        ...(numThreads === undefined ? {} : { numThreads }),
      })) as unknown as AnyPipeline;
      opened.push(run);
      return run;
    };
    const tags = await tagsOf(config, await open(config.tagModel));
    const entities = await open(config.entityModel);
    if (entities && !('labelName' in entities.spec || 'labels' in entities.spec)) {
      throw wrong('entityModel', config.entityModel!, 'a sequence_labeling model');
    }
    // Any encoder gives vectors; a two-tower model is one already.
    const vectors = await open(config.vectorModel, 'vectorization').catch((error) => {
      if (EasyNlpError.isInstance(error) && error.code === 'APP_MISMATCH') return open(config.vectorModel);
      throw error;
    });
    const keywords = await keywordsOf(config, vectors);
    const answer = async (texts: readonly string[]): Promise<TaggingResult[]> => {
      const results: TaggingResult[] = [];
      for (let from = 0; from < texts.length; from += CHUNK) {
        const chunk = texts.slice(from, from + CHUNK);
        const given = await tags(chunk);
        const found = entities ? await entities(chunk) : [];
        for (const [i, text] of chunk.entries()) {
          results.push({
            tags: given[i]!,
            keywords: await keywords(text),
            entities: entities ? entityWords(text, found[i]!, config.entityModel!) : [],
          });
        }
      }
      return results;
    };
    const call = (input: string | readonly string[]) =>
      typeof input === 'string' ? answer([input]).then(([result]) => result) : answer(input);
    return Object.assign(call, { dispose }) as unknown as Tagger;
  } catch (error) {
    dispose();
    throw error;
  }
}

async function tagsOf(
  { tagModel, dictionary: path, topTags }: TaggingConfig,
  model: AnyPipeline | null,
): Promise<(texts: readonly string[]) => Promise<Tag[][]>> {
  const app = model?.spec.app;
  if (model && app !== 'text_classify_multi_label' && app !== 'text_classify') {
    throw wrong('tagModel', `${tagModel} (${app})`, 'a text_classify_multi_label or text_classify model');
  }
  const known = model?.spec.labels as readonly string[] | undefined;
  const dictionary = path === undefined ? null : await LabelDictionary.read(path, known);
  return async (texts) => {
    const results = model ? await model(texts) : texts.map(() => ({}));
    return results.map((result, i) => {
      const {
        label,
        labels,
        scores = [],
      } = result as {
        label?: string;
        labels?: readonly string[];
        scores?: readonly { label: string; probability: number }[];
      };
      const probability = new Map(scores.map((score) => [score.label, score.probability]));
      const own = (labels ?? (label === undefined ? [] : [label])).slice(0, topTags);
      const all = dictionary ? applyRules(own, dictionary.match(texts[i]!)) : own;
      return all
        .slice(0, topTags)
        .map((name) => ({ label: name, probability: probability.get(name) ?? null }));
    });
  };
}

async function keywordsOf(
  config: TaggingConfig,
  vectors: AnyPipeline | null,
): Promise<(text: string) => Promise<Keyword[]>> {
  const { keywords, topK } = config;
  if (keywords === 'embedding' && !vectors) {
    throw new EasyNlpError('CONFIG_CONFLICT', {
      problem: 'keywords: embedding needs a model that gives vectors',
      hint: 'Give --vector-model, or use textrank or tfidf.',
    });
  }
  if (keywords === 'none') return async () => [];
  const { userDictionary, stopWords: path } = config;
  const words = jiebaTagger(
    userDictionary === undefined ? {} : { userDictionary: await readUserDictionary(userDictionary) },
  );
  const stopWords = new Set<string>();
  if (path !== undefined) {
    const text = await readFile(path, 'utf8').catch((cause) => {
      throw new EasyNlpError('DATA_FILE_NOT_FOUND', { file: path }, { cause });
    });
    for (const line of text.split(/\r?\n/)) if (line.trim() !== '') stopWords.add(line.trim().toLowerCase());
  }
  const options = { topK, words, stopWords };
  if (keywords === 'textrank') return async (text) => textRankKeywords(text, options);
  if (keywords === 'tfidf') {
    const idf = jiebaIdf();
    return async (text) => tfIdfKeywords(text, { ...options, idf });
  }
  const embed = async (texts: readonly string[]) =>
    (await vectors!(texts)).map(({ vector }) => {
      if (Array.isArray(vector)) return unit(vector as number[]);
      throw wrong('vectorModel', config.vectorModel!, 'a model that gives one vector a text');
    });
  return (text) => embeddingKeywords(text, { ...options, embed });
}

function unit(vector: readonly number[]): Float64Array {
  const norm = Math.sqrt(vector.reduce((sum, v) => sum + v * v, 0)) || 1;
  return Float64Array.from(vector, (v) => v / norm);
}

/** Spans of a sequence labeling result. */
function entityWords(text: string, result: Readonly<Record<string, unknown>>, model: string): EntityWord[] {
  const spans = result.entities ?? result.spans;
  if (!Array.isArray(spans)) throw wrong('entityModel', model, 'a sequence_labeling model');
  return (spans as { start: number; end: number; label?: string; type?: string }[]).map((span) => ({
    text: text.slice(span.start, span.end),
    label: span.label ?? span.type ?? '',
    start: span.start,
    end: span.end,
  }));
}
