/**
 * EasyNLP for TypeScript: train, evaluate and use Chinese NLP models.
 *
 * ```ts
 * import { train, pipeline } from 'easynlp';
 * await train({ train: 'train.tsv', dev: 'dev.tsv', architecture: 'text-cnn', output: 'out/model' });
 * const classify = await pipeline('text_classify', 'out/model');
 * console.log(await classify('物流很快，质量也不错'));
 * ```
 *
 * @packageDocumentation
 */
import './methods.js';

export type {
  App,
  AppContext,
  AppModel,
  MetricReport,
  ModelInputs,
  ModelOutputs,
  TaskSpec,
} from './appzoo/app.js';
export type { GeepResult, GeepTrainOptions } from './appzoo/geep-classify/index.js';
export {
  type ExtractedArgument,
  type ExtractedEntity,
  type ExtractedSpan,
  type ExtractionInput,
  type ExtractionResult,
  type ExtractionScheme,
  type ExtractionSpec,
  type ExtractionTrainOptions,
  type ExtractionType,
  formatScheme,
  parseScheme,
} from './appzoo/information-extraction/index.js';
export type {
  AnswerCandidate,
  ReadingInput,
  ReadingResult,
  ReadingTrainOptions,
} from './appzoo/machine-reading-comprehension/index.js';
export {
  type ChoiceScore,
  type MultipleChoiceInput,
  type MultipleChoiceResult,
  type MultipleChoiceTrainOptions,
  uniqueChoices,
} from './appzoo/multiple-choice/index.js';
export { getApp, listApps } from './appzoo/registry.js';
export {
  convertTags,
  type Entity,
  type LabelingInput,
  type LabelingResult,
  type LabelingSpec,
  type LabelingTrainOptions,
  type SpanScore,
  type SpanScores,
  spanScores,
  type TagScheme,
} from './appzoo/sequence-labeling/index.js';
export type {
  LabelScore,
  TextClassifyInput,
  TextClassifyResult,
  TextClassifySpec,
} from './appzoo/text-classify/index.js';
export type {
  LabelSetResult,
  LabelSetScore,
  MultiLabelTrainOptions,
} from './appzoo/text-classify-multi-label/index.js';
export {
  ExactIndex,
  type SearchHit,
  type TextMatchInput,
  type TextMatchResult,
  type TextMatchScore,
  type TextSimilarity,
  type TextVector,
  type TwoTowerInput,
  type TwoTowerResult,
  type TwoTowerTrainOptions,
} from './appzoo/text-match/index.js';
export type { TextVectors, VectorizationInputOptions } from './appzoo/vectorization/index.js';
export type {
  EvaluateConfig,
  EvaluateOptions,
  ModerationOptions,
  PredictConfig,
  PredictOptions,
  TaggingOptions,
  TrainConfig,
  TrainOptions,
} from './config/index.js';
export * as datahub from './datahub/index.js';
export { EasyNlpError, ERRORS, type ErrorCode, EXIT } from './errors/index.js';
export * as prompts from './fewshot/prompt/index.js';
export * as knowledge from './knowledge/k-bert/index.js';
export { type LandingReport, type LandOptions, type LandResult, land } from './landing/index.js';
export * as modelzoo from './modelzoo/index.js';
export { describeModel, listModels } from './modelzoo/model-catalogue.js';
export { type EvaluateResult, evaluate, type InferenceRunOptions } from './predictor/evaluate.js';
export { type Pipeline, type PipelineOptions, type PipelineTask, pipeline } from './predictor/pipeline.js';
export { type PredictResult, predict } from './predictor/predict.js';
export {
  type DecisionReport,
  decisionReport,
  type ModerationResult,
  type Moderator,
  moderator,
} from './predictor/risk-control.js';
export { type FoundText, type SearchOutcome, search } from './predictor/search.js';
export { textsOfFile, writeJsonLines } from './predictor/solution-texts.js';
export {
  type EntityWord,
  type Tag,
  type Tagger,
  type TaggingResult,
  tagger,
} from './predictor/tagging.js';
export { Tokenizer } from './text/index.js';
export type { EvaluateInfo, LogInfo, StepInfo, TrainerHooks } from './trainer/hooks.js';
export {
  getMethod,
  listMethods,
  type Method,
  type MethodContext,
  registerMethod,
} from './trainer/method.js';
export {
  fineTuneObjective,
  type Objective,
  type ObjectiveLoss,
  type StepPosition,
  type TrainedGroup,
} from './trainer/objective.js';
export { type TrainResult, type TrainRunOptions, train } from './trainer/train.js';
export { Trainer, type TrainerParts, type TrainerSettings } from './trainer/trainer.js';
export { VERSION } from './version.js';
