import { readFile } from 'node:fs/promises';
import { encodeSource } from '../appzoo/evaluate.js';
import { inferResults } from '../appzoo/inference.js';
import {
  applyRules,
  LabelDictionary,
  type LabelHit,
  type LabelThresholds,
  labelThresholds,
  renderThresholds,
} from '../appzoo/tagging/index.js';
import type { LabelSetResult, MultiLabelSpec } from '../appzoo/text-classify-multi-label/index.js';
import { type ModerationOptions, moderationConfigSchema } from '../config/index.js';
import { EasyNlpError } from '../errors/index.js';
import { nearest } from '../util/index.js';
import { loadModel, openData } from './open-model.js';
import { OutputFile } from './output-file.js';
import { pipeline } from './pipeline.js';
import { checkedOptions } from './solution-texts.js';

/** Whether a text may pass, and why not. */
export interface ModerationResult {
  readonly decision: 'pass' | 'reject';
  /** The labels that the text has in the end. */
  readonly labels: readonly string[];
  readonly scores: readonly {
    readonly label: string;
    readonly probability: number;
    readonly threshold: number | null;
  }[];
  /** Words of the dictionary that were found. */
  readonly hits: readonly LabelHit[];
}

export interface Moderator {
  (text: string): Promise<ModerationResult>;
  (texts: readonly string[]): Promise<ModerationResult[]>;
  readonly labels: readonly string[];
  dispose(): void;
}

/** What `decisionReport` writes and `moderator` reads. */
interface ThresholdFile {
  readonly precisionFloor: number;
  readonly rows: number;
  /** By label; null: no threshold reaches the floor, the model never gives the label. */
  readonly thresholds: Readonly<Record<string, number | null>>;
}

export interface DecisionReport extends ThresholdFile {
  readonly labels: readonly LabelThresholds[];
  /** For people. */
  readonly text: string;
}

function checkModel(spec: { readonly app?: unknown }, model: string): asserts spec is MultiLabelSpec {
  if (spec.app === 'text_classify_multi_label') return;
  throw new EasyNlpError('APP_MISMATCH', {
    folder: model,
    trained: spec.app,
    wanted: 'text_classify_multi_label',
  });
}

async function readThresholds(path: string, labels: readonly string[]): Promise<Map<string, number | null>> {
  const invalid = (reason: string, cause?: unknown) =>
    new EasyNlpError(
      'DATA_ROW_MALFORMED',
      {
        file: path,
        reason,
        hint: 'Expected a file that easynlp moderate --report … --output FILE wrote.',
      },
      { cause },
    );
  const content = await readFile(path, 'utf8').catch((cause) => {
    throw new EasyNlpError('DATA_FILE_NOT_FOUND', { file: path }, { cause });
  });
  let thresholds: unknown;
  try {
    thresholds = (JSON.parse(content) as Partial<ThresholdFile>).thresholds;
  } catch (cause) {
    throw invalid('not valid JSON', cause);
  }
  if (typeof thresholds !== 'object' || thresholds === null) throw invalid('it has no thresholds');
  const found = new Map(Object.entries(thresholds as Record<string, unknown>));
  for (const [label, value] of found) {
    if (!labels.includes(label)) {
      const near = nearest(label, labels);
      throw invalid(`the model has no label "${label}"${near === null ? '' : ` (did you mean "${near}"?)`}`);
    }
    if (value !== null && typeof value !== 'number')
      throw invalid(`the threshold of "${label}" is no number`);
  }
  return found as Map<string, number | null>;
}

/**
 * Moderation: a multi-label model of risks, thresholds that were chosen for a precision, and words that force or forbid
 * labels. A text is rejected when it has a label in the end that is not among the harmless ones.
 *
 * @example
 * const moderate = await moderator({ model: 'out/risks', dictionary: 'words.tsv', thresholds: 'thresholds.json' });
 * const { decision, labels, hits } = await moderate('加微信领红包');
 */
export async function moderator(given: ModerationOptions): Promise<Moderator> {
  const config = checkedOptions(moderationConfigSchema, given);
  const { device, precision, batchSize, numThreads, model } = config;
  const classify = await pipeline('text_classify_multi_label', model, {
    device,
    precision,
    batchSize,
    ...(numThreads === undefined ? {} : { numThreads }),
  });
  try {
    const spec: { readonly app?: unknown } = classify.spec;
    checkModel(spec, model);
    const { labels } = spec;
    const dictionary =
      config.dictionary === undefined ? null : await LabelDictionary.read(config.dictionary, labels);
    const own = config.thresholds === undefined ? null : await readThresholds(config.thresholds, labels);
    const odd = config.harmless.find((label) => !labels.includes(label));
    if (odd !== undefined) {
      throw new EasyNlpError('CONFIG_INVALID_VALUE', {
        key: 'harmless',
        expected: `labels among ${labels.join(', ')}`,
        got: odd,
        suggestion: nearest(odd, labels) ?? undefined,
      });
    }
    const decide = (text: string, result: LabelSetResult): ModerationResult => {
      const scores = result.scores.map(({ label, probability, threshold }) => ({
        label,
        probability,
        threshold: own?.has(label) ? own.get(label)! : threshold,
      }));
      const given = scores
        .filter(({ probability, threshold }) => threshold !== null && probability >= threshold)
        .map(({ label }) => label);
      const hits = dictionary?.match(text) ?? [];
      const final = applyRules(given, hits);
      const reject = final.some((label) => !config.harmless.includes(label));
      return { decision: reject ? 'reject' : 'pass', labels: final, scores, hits };
    };
    const answer = async (texts: readonly string[]) =>
      (await classify(texts)).map((result, i) => decide(texts[i]!, result));
    const call = (input: string | readonly string[]) =>
      typeof input === 'string' ? answer([input]).then(([result]) => result) : answer(input);
    return Object.assign(call, { labels, dispose: () => classify.dispose() }) as unknown as Moderator;
  } catch (error) {
    classify.dispose();
    throw error;
  }
}

/**
 * Chooses each label's threshold on labelled data: the one with the highest recall whose precision reaches the floor.
 * Chosen on the data that it is measured on, precision will be a little lower on others: keep data apart to check it.
 */
export async function decisionReport(given: ModerationOptions): Promise<DecisionReport> {
  const config = checkedOptions(moderationConfigSchema, given);
  const { report: path, precisionFloor, batchSize } = config;
  if (path === undefined)
    throw new EasyNlpError('CONFIG_MISSING_VALUE', { key: 'report', expected: 'labelled data' });
  const loaded = await loadModel({
    ...config,
    app: undefined,
    sequenceLength: undefined,
    firstSequence: config.column,
    secondSequence: undefined,
    tokenBudget: undefined,
  } as unknown as Parameters<typeof loadModel>[0]);
  try {
    const spec: { readonly app?: unknown } = loaded.context.spec;
    checkModel(spec, config.model);
    const source = await openData({ ...config, skipFirstLine: false }, path);
    const probabilities = spec.labels.map((): number[] => []);
    const gold = spec.labels.map((): number[] => []);
    let rows = 0;
    for await (const { encoded } of encodeSource(loaded, source, { labels: true })) {
      const results = (await inferResults(loaded, encoded, { batchSize })) as LabelSetResult[];
      for (const [i, { scores }] of results.entries()) {
        const byLabel = new Map(scores.map((s) => [s.label, s.probability]));
        const own = encoded[i]!.gold as Float32Array;
        for (const [l, label] of spec.labels.entries()) {
          probabilities[l]!.push(byLabel.get(label)!);
          gold[l]!.push(own[l]!);
        }
        rows++;
      }
    }
    if (rows === 0) throw new EasyNlpError('DATA_EMPTY', { file: path });
    const labels = spec.labels.map((label, l) =>
      labelThresholds(label, probabilities[l]!, gold[l]!, precisionFloor),
    );
    const report = {
      precisionFloor,
      rows,
      thresholds: Object.fromEntries(labels.map(({ label, chosen }) => [label, chosen?.threshold ?? null])),
      labels,
    };
    if (config.output !== undefined) {
      const output = await OutputFile.create(config.output);
      try {
        await output.write(`${JSON.stringify(report, null, 2)}\n`);
        await output.publish();
      } catch (error) {
        await output.discard();
        throw error;
      }
    }
    return { ...report, text: renderThresholds(labels, precisionFloor) };
  } finally {
    loaded.model.dispose();
  }
}
