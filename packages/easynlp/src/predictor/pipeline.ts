import { openArtefact } from '../appzoo/artefact.js';
import type { AugmentedText } from '../appzoo/data-augmentation/index.js';
import type { GeepResult } from '../appzoo/geep-classify/index.js';
import { inferResults, type LoadedApp } from '../appzoo/inference.js';
import type { ExtractionInput, ExtractionResult } from '../appzoo/information-extraction/index.js';
import type { FillMaskResult } from '../appzoo/language-modeling/index.js';
import type { ReadingInput, ReadingResult } from '../appzoo/machine-reading-comprehension/index.js';
import type { MultipleChoiceInput, MultipleChoiceResult } from '../appzoo/multiple-choice/index.js';
import { openRuntime, type Precision } from '../appzoo/runtime.js';
import type { LabelingInput, LabelingResult } from '../appzoo/sequence-labeling/index.js';
import type { TextClassifyInput, TextClassifyResult } from '../appzoo/text-classify/index.js';
import type { LabelSetResult } from '../appzoo/text-classify-multi-label/index.js';
import type {
  TextMatchInput,
  TextMatchResult,
  TextMatchScore,
  TwoTowerInput,
  TwoTowerResult,
} from '../appzoo/text-match/index.js';
import type { TextVectors } from '../appzoo/vectorization/index.js';
import { EasyNlpError } from '../errors/index.js';
import { trainedModelFolder } from './open-model.js';

/** What each task takes and gives. */
export interface PipelineTasks {
  text_classify: { input: TextClassifyInput; result: TextClassifyResult };
  text_classify_multi_label: { input: TextClassifyInput; result: LabelSetResult };
  geep_classify: { input: TextClassifyInput; result: GeepResult };
  text_match: { input: TextMatchInput; result: TextMatchResult };
  text_match_regression: { input: TextMatchInput; result: TextMatchScore };
  text_match_two_tower: { input: TwoTowerInput; result: TwoTowerResult };
  multiple_choice: { input: MultipleChoiceInput; result: MultipleChoiceResult };
  sequence_labeling: { input: LabelingInput; result: LabelingResult };
  machine_reading_comprehension: { input: ReadingInput; result: ReadingResult };
  information_extraction: { input: ExtractionInput; result: ExtractionResult };
  vectorization: { input: string | Readonly<Record<string, string>>; result: TextVectors };
  data_augmentation: { input: TextClassifyInput; result: AugmentedText };
  language_modeling: { input: string | Readonly<Record<string, string>>; result: FillMaskResult };
}
export type PipelineTask = keyof PipelineTasks;

export interface PipelineOptions {
  /** cpu, cuda, cuda:N or auto (default). */
  readonly device?: string;
  readonly precision?: Precision;
  readonly batchSize?: number;
  /** Tokens of a batch, padding included (instead of batchSize). */
  readonly tokenBudget?: number;
  readonly numThreads?: number;
  /** The task's own options of prediction, such as another threshold. */
  readonly options?: Readonly<Record<string, unknown>>;
}

/**
 * A model that answers. One input gives one result, an array gives an array, a stream gives a stream; results keep
 * the order of the inputs and do not depend on what else is in a batch. An array is always several inputs: one pair of
 * texts is `[['a', 'b']]`, or an object by column names.
 */
export interface Pipeline<Task extends PipelineTask> {
  (input: Exclude<PipelineTasks[Task]['input'], readonly unknown[]>): Promise<PipelineTasks[Task]['result']>;
  (inputs: readonly PipelineTasks[Task]['input'][]): Promise<PipelineTasks[Task]['result'][]>;
  (inputs: AsyncIterable<PipelineTasks[Task]['input']>): AsyncIterable<PipelineTasks[Task]['result']>;
  readonly task: Task;
  readonly folder: string;
  /** The task as it was trained: labels, columns, longest input. */
  readonly spec: Readonly<Record<string, unknown>>;
  /** Releases the model's memory. Calls that are being answered end normally; later ones are refused. */
  dispose(): void;
}

/** Inputs of a stream that are answered together. */
const CHUNK = 1024;

/**
 * Opens a trained model for use.
 *
 * @example
 * const classify = await pipeline('text_classify', 'out/my-model');
 * const { label, probability } = await classify('房间干净，服务周到');
 * const many = await classify(['好吃', '太差了']);
 */
export async function pipeline<Task extends PipelineTask>(
  task: Task | undefined,
  model: string,
  options: PipelineOptions = {},
): Promise<Pipeline<Task>> {
  const folder = await trainedModelFolder(model);
  const runtime = openRuntime({
    device: options.device ?? 'auto',
    precision: options.precision ?? 'fp32',
    numThreads: options.numThreads,
  });
  const opened = await openArtefact(folder, task, options.options);
  opened.model.to({ device: runtime.device });
  const loaded: LoadedApp = {
    app: opened.app,
    context: { spec: opened.spec, tokenizer: opened.tokenizer },
    model: opened.model,
    runtime,
  };
  const batching = { batchSize: options.batchSize ?? 32, tokenBudget: options.tokenBudget };
  let disposed = false;
  let running = 0;
  const release = () => {
    if (disposed && running === 0) opened.model.dispose();
  };

  const answer = async (inputs: readonly unknown[], from = 0): Promise<unknown[]> => {
    if (disposed) throw new EasyNlpError('PIPELINE_DISPOSED', { folder });
    const { app, context } = loaded;
    const rows = inputs.map((input, i) => app.inputs.row(context.spec, input, from + i));
    if (rows.length === 0) return [];
    running++;
    try {
      return await inferResults(loaded, await app.encode(rows, context, { labels: false }), batching);
    } finally {
      running--;
      release();
    }
  };
  async function* answerStream(inputs: AsyncIterable<unknown>): AsyncGenerator<unknown> {
    let chunk: unknown[] = [];
    let done = 0;
    for await (const input of inputs) {
      chunk.push(input);
      if (chunk.length < CHUNK) continue;
      yield* await answer(chunk, done);
      done += chunk.length;
      chunk = [];
    }
    if (chunk.length > 0) yield* await answer(chunk, done);
  }
  const call = (input: unknown): unknown => {
    if (typeof input === 'object' && input !== null && Symbol.asyncIterator in input) {
      return answerStream(input as AsyncIterable<unknown>);
    }
    return Array.isArray(input) ? answer(input) : answer([input]).then(([result]) => result);
  };
  return Object.assign(call, {
    task,
    folder,
    spec: opened.spec as unknown as Record<string, unknown>,
    dispose() {
      if (disposed) return;
      disposed = true;
      release();
    },
  }) as unknown as Pipeline<Task>;
}
