import type { nn, Tensor } from '@easynlp/torch';
import type { ModelConfig } from './model-config.js';

/** Inputs of an encoder; give either `inputIds` or `inputsEmbeds`. */
export interface EncoderInputs {
  /** int64 or int32 [B, T]. */
  readonly inputIds?: Tensor | null | undefined;
  /**
   * 1 for tokens, 0 for padding: [B, T], or [B, T, T] for a mask of its own per query. Leave it out (or null) when the
   * batch has no padding: faster kernels are used then. Every row needs at least one 1.
   */
  readonly attentionMask?: Tensor | null | undefined;
  /** Segment numbers, int64 or int32 [B, T]; zeros by default. */
  readonly tokenTypeIds?: Tensor | null | undefined;
  /** Kinds of task, for ERNIE 2.0 and 3.0; int64 or int32 [B, T], zeros by default. */
  readonly taskTypeIds?: Tensor | null | undefined;
  /** int64 or int32 [B, T]; 0 … T−1 by default. */
  readonly positionIds?: Tensor | null | undefined;
  /** [B, T, H], instead of the look-up by `inputIds`. */
  readonly inputsEmbeds?: Tensor | null | undefined;
  /** Masked language models only: the same as their option `positions`. */
  readonly maskedPositions?: Tensor | null | undefined;
}

export interface EncoderOptions {
  /** Give the embeddings and every layer's output, number of layers + 1 tensors [B, T, H]. */
  readonly outputHiddenStates?: boolean;
  /** Give every layer's attention probabilities [B, heads, T, T]; attention is then computed without fused kernels. */
  readonly outputAttentions?: boolean;
}

/** What the options asked for. */
export interface EncoderTraces {
  readonly hiddenStates?: readonly Tensor[];
  readonly attentions?: readonly Tensor[];
}

export interface EncoderOutput extends EncoderTraces {
  /** [B, T, H] */
  readonly lastHiddenState: Tensor;
  /** [B, H]; null for models without a pooler. */
  readonly poolerOutput: Tensor | null;
}

/** A type alias, unlike the others: it shall fit where a record of named tensors is asked for. */
export type ClassifierLogits = {
  /** [B, C] for texts, [B, T, C] for tokens, [B, T, V] or [N, V] for vocabularies. */
  readonly logits: Tensor;
};

export interface ClassifierOutput extends ClassifierLogits, EncoderTraces {}

/** Anything that turns texts into class scores. */
export interface SequenceClassifier extends nn.Module {
  readonly config: ModelConfig;
  forward(inputs: EncoderInputs): ClassifierLogits;
  forward(inputs: EncoderInputs, options: EncoderOptions): ClassifierOutput;
}

/** Anything that labels every token: logits are [B, T, C]. */
export interface TokenClassifier extends nn.Module {
  readonly config: ModelConfig;
  forward(inputs: EncoderInputs): ClassifierLogits;
  forward(inputs: EncoderInputs, options: EncoderOptions): ClassifierOutput;
}

/** Anything that turns texts into one vector each, and one per token where the architecture has them. */
export interface Encoder extends nn.Module {
  readonly config: ModelConfig;
  forward(inputs: EncoderInputs, options?: EncoderOptions): EncoderOutput;
}

export interface MaskedLmOptions extends EncoderOptions {
  /**
   * Indices into the flattened [B·T] positions, int64 [N]: only these are decoded, logits are [N, V]. Training needs
   * the 15 % that are masked, and the decoder is most of a small model's work.
   */
  readonly positions?: Tensor | null | undefined;
}

/** Anything that predicts hidden tokens. */
export interface MaskedLanguageModel extends nn.Module {
  readonly config: ModelConfig;
  /** Logits [B, T, V], or [N, V] with `positions`. */
  forward(inputs: EncoderInputs): ClassifierLogits;
  forward(inputs: EncoderInputs, options: MaskedLmOptions): ClassifierOutput;
}
