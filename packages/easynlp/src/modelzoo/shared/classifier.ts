import { empty, nn, type Tensor, tidy } from '@easynlp/torch';
import type {
  ClassifierLogits,
  ClassifierOutput,
  EncoderInputs,
  EncoderOptions,
  EncoderOutput,
  EncoderTraces,
  MaskedLanguageModel,
  MaskedLmOptions,
  SequenceClassifier,
  TokenClassifier,
} from '../interfaces.js';
import type { ModelConfig } from '../model-config.js';

const { Dropout, Linear, Module, Parameter } = nn;

/** An encoder with scores on top: of texts [B, C] or of tokens [B, T, C]. */
export abstract class Classifier<C extends ModelConfig>
  extends Module
  implements SequenceClassifier, TokenClassifier
{
  readonly config: C;

  constructor(config: C) {
    super();
    this.config = config;
  }

  protected abstract encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput;
  protected abstract classify(output: EncoderOutput): Tensor;

  forward(inputs: EncoderInputs): ClassifierLogits;
  forward(inputs: EncoderInputs, options: EncoderOptions): ClassifierOutput;
  forward(inputs: EncoderInputs, options: EncoderOptions = {}): ClassifierOutput {
    return tidy(() => {
      const output = this.encode(inputs, options);
      return { logits: this.classify(output), ...traces(output) };
    });
  }
}

/** An encoder with a score for every word of the vocabulary on top, Devlin et al. 2019 §3.1 task 1. */
export abstract class MaskedLmModel<C extends ModelConfig> extends Module implements MaskedLanguageModel {
  readonly config: C;

  constructor(config: C) {
    super();
    this.config = config;
  }

  protected abstract encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput;
  /** […, H] → […, V] */
  protected abstract decode(hidden: Tensor): Tensor;

  /** Logits [B, T, V]; [N, V] with `positions`. */
  forward(inputs: EncoderInputs): ClassifierLogits;
  forward(inputs: EncoderInputs, options: MaskedLmOptions): ClassifierOutput;
  forward(inputs: EncoderInputs, options: MaskedLmOptions = {}): ClassifierOutput {
    return tidy(() => {
      const output = this.encode(inputs, options);
      const hidden = output.lastHiddenState;
      const positions = options.positions ?? inputs.maskedPositions;
      const chosen = positions
        ? hidden.reshape([-1, hidden.size(-1)]).indexSelect(0, positions) // [B, T, H] → [N, H]
        : hidden;
      return { logits: this.decode(chosen), ...traces(output) };
    });
  }
}

/** The classifier of RoBERTa and its followers: dropout → dense → activation → dropout → projection of the first token. */
export class FirstTokenHead extends Module {
  readonly dense: nn.Linear;
  readonly dropout: nn.Dropout;
  readonly out_proj: nn.Linear;
  private readonly activation: (x: Tensor) => Tensor;

  constructor(
    sizes: { readonly hidden: number; readonly labels: number; readonly dropout: number },
    activation: string,
    factory: nn.FactoryOptions,
  ) {
    super();
    this.dense = new Linear(sizes.hidden, sizes.hidden, factory);
    this.dropout = new Dropout(sizes.dropout);
    this.out_proj = new Linear(sizes.hidden, sizes.labels, factory);
    this.activation = nn.functional.activation(activation);
  }

  /** [B, T, H] → [B, C] */
  forward(hidden: Tensor): Tensor {
    return tidy(() => {
      const x = this.activation(this.dense.forward(this.dropout.forward(hidden.select(1, 0))));
      return this.out_proj.forward(this.dropout.forward(x));
    });
  }
}

/** A parameter without content; the architecture's `init` or the weights file give it one. */
export function blank(shape: readonly number[], factory: nn.FactoryOptions): nn.Parameter {
  return tidy(() => new Parameter(empty(shape, factory)));
}

export function traces({ hiddenStates, attentions }: EncoderOutput): EncoderTraces {
  return { ...(hiddenStates ? { hiddenStates } : {}), ...(attentions ? { attentions } : {}) };
}
