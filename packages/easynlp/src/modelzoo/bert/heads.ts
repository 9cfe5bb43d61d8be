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
import { numLabels } from '../model-config.js';
import type { BertConfig } from './config.js';
import { BertModel, initBertWeights } from './model.js';
import { TiedLinear } from './tied-linear.js';

const { Dropout, LayerNorm, Linear, Module, Parameter } = nn;

/** One label per text: pooler → dropout → linear. */
export class BertForSequenceClassification extends Module implements SequenceClassifier {
  readonly config: BertConfig;
  readonly bert: BertModel;
  readonly dropout: nn.Dropout;
  readonly classifier: nn.Linear;

  constructor(config: BertConfig, factory: nn.FactoryOptions = {}) {
    super();
    this.config = config;
    this.bert = new BertModel(config, factory);
    this.dropout = new Dropout(config.classifier_dropout ?? config.hidden_dropout_prob);
    this.classifier = new Linear(config.hidden_size, numLabels(config), factory);
    if (factory.device !== 'meta') initBertWeights(this.classifier, config);
  }

  /** Logits [B, C]. */
  forward(inputs: EncoderInputs): ClassifierLogits;
  forward(inputs: EncoderInputs, options: EncoderOptions): ClassifierOutput;
  forward(inputs: EncoderInputs, options: EncoderOptions = {}): ClassifierOutput {
    return tidy(() => {
      const output = this.bert.forward(inputs, options);
      const logits = this.classifier.forward(this.dropout.forward(output.poolerOutput!));
      return { logits, ...traces(output) };
    });
  }
}

/** One label per token: dropout → linear on every position. */
export class BertForTokenClassification extends Module implements TokenClassifier {
  readonly config: BertConfig;
  readonly bert: BertModel;
  readonly dropout: nn.Dropout;
  readonly classifier: nn.Linear;

  constructor(config: BertConfig, factory: nn.FactoryOptions = {}) {
    super();
    this.config = config;
    this.bert = new BertModel(config, { ...factory, addPoolingLayer: false });
    this.dropout = new Dropout(config.classifier_dropout ?? config.hidden_dropout_prob);
    this.classifier = new Linear(config.hidden_size, numLabels(config), factory);
    if (factory.device !== 'meta') initBertWeights(this.classifier, config);
  }

  /** Logits [B, T, C]. */
  forward(inputs: EncoderInputs): ClassifierLogits;
  forward(inputs: EncoderInputs, options: EncoderOptions): ClassifierOutput;
  forward(inputs: EncoderInputs, options: EncoderOptions = {}): ClassifierOutput {
    return tidy(() => {
      const output = this.bert.forward(inputs, options);
      const logits = this.classifier.forward(this.dropout.forward(output.lastHiddenState));
      return { logits, ...traces(output) };
    });
  }
}

class BertPredictionTransform extends Module {
  readonly dense: nn.Linear;
  readonly LayerNorm: nn.LayerNorm;
  private readonly activation: (x: Tensor) => Tensor;

  constructor(config: BertConfig, factory: nn.FactoryOptions) {
    super();
    this.dense = new Linear(config.hidden_size, config.hidden_size, factory);
    this.LayerNorm = new LayerNorm(config.hidden_size, { ...factory, eps: config.layer_norm_eps });
    this.activation = nn.functional.activation(config.hidden_act);
  }

  forward(x: Tensor): Tensor {
    return tidy(() => this.LayerNorm.forward(this.activation(this.dense.forward(x))));
  }
}

class BertLmPredictionHead extends Module {
  readonly transform: BertPredictionTransform;
  /** [V]; also the decoder's. */
  readonly bias: nn.Parameter;
  /** Its weight [V, H] is the table of word embeddings, unless `tie_word_embeddings` is false. */
  readonly decoder: TiedLinear;

  constructor(config: BertConfig, words: nn.Parameter, factory: nn.FactoryOptions) {
    super();
    const { vocab_size: vocabulary, hidden_size: hidden } = config;
    this.transform = new BertPredictionTransform(config, factory);
    this.bias = blank([vocabulary], factory);
    const weight = config.tie_word_embeddings ? words : blank([vocabulary, hidden], factory);
    this.decoder = new TiedLinear(weight, this.bias);
  }

  forward(x: Tensor): Tensor {
    return tidy(() => this.decoder.forward(this.transform.forward(x)));
  }
}

/** A parameter without content; `initBertWeights` or the weights file give it one. */
function blank(shape: readonly number[], factory: nn.FactoryOptions): nn.Parameter {
  return tidy(() => new Parameter(empty(shape, factory)));
}

/** transformers' `cls` module, which exists for the names only. */
class BertOnlyMlmHead extends Module {
  readonly predictions: BertLmPredictionHead;

  constructor(config: BertConfig, words: nn.Parameter, factory: nn.FactoryOptions) {
    super();
    this.predictions = new BertLmPredictionHead(config, words, factory);
  }
}

/** The masked language model of pre-training, Devlin et al. 2019 §3.1 task 1. */
export class BertForMaskedLM extends Module implements MaskedLanguageModel {
  readonly config: BertConfig;
  readonly bert: BertModel;
  readonly cls: BertOnlyMlmHead;

  constructor(config: BertConfig, factory: nn.FactoryOptions = {}) {
    super();
    this.config = config;
    this.bert = new BertModel(config, { ...factory, addPoolingLayer: false });
    const words = this.bert.embeddings.word_embeddings.weight;
    this.cls = new BertOnlyMlmHead(config, words, factory);
    if (factory.device !== 'meta') initBertWeights(this.cls, config, (parameter) => parameter !== words);
  }

  /** Logits [B, T, V]; [N, V] with `positions`. */
  forward(inputs: EncoderInputs): ClassifierLogits;
  forward(inputs: EncoderInputs, options: MaskedLmOptions): ClassifierOutput;
  forward(inputs: EncoderInputs, options: MaskedLmOptions = {}): ClassifierOutput {
    return tidy(() => {
      const output = this.bert.forward(inputs, options);
      const hidden = output.lastHiddenState;
      const positions = options.positions ?? inputs.maskedPositions;
      const chosen = positions
        ? hidden.reshape([-1, hidden.size(-1)]).indexSelect(0, positions) // [B, T, H] → [N, H]
        : hidden;
      return { logits: this.cls.predictions.forward(chosen), ...traces(output) };
    });
  }
}

function traces({ hiddenStates, attentions }: EncoderOutput): EncoderTraces {
  return { ...(hiddenStates ? { hiddenStates } : {}), ...(attentions ? { attentions } : {}) };
}
