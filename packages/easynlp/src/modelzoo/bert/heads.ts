import { nn, type Tensor, tidy } from '@easynlp/torch';
import type { EncoderInputs, EncoderOptions, EncoderOutput } from '../interfaces.js';
import { numLabels } from '../model-config.js';
import { blank, Classifier, MaskedLmModel } from '../shared/classifier.js';
import type { BertConfig, BertShape } from './config.js';
import { BertModel, initBertWeights } from './model.js';
import { TiedLinear } from './tied-linear.js';

const { Dropout, LayerNorm, Linear, Module } = nn;

/** One label per text: pooler → dropout → linear. Logits [B, C]. */
export class BertForSequenceClassification extends Classifier<BertConfig> {
  readonly bert: BertModel;
  readonly dropout: nn.Dropout;
  readonly classifier: nn.Linear;

  constructor(config: BertConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.bert = new BertModel(config, factory);
    this.dropout = new Dropout(config.classifier_dropout ?? config.hidden_dropout_prob);
    this.classifier = new Linear(config.hidden_size, numLabels(config), factory);
    if (factory.device !== 'meta') initBertWeights(this.classifier, config);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.bert.forward(inputs, options);
  }

  protected override classify(output: EncoderOutput): Tensor {
    return this.classifier.forward(this.dropout.forward(output.poolerOutput!));
  }
}

/** One label per token: dropout → linear on every position. Logits [B, T, C]. */
export class BertForTokenClassification extends Classifier<BertConfig> {
  readonly bert: BertModel;
  readonly dropout: nn.Dropout;
  readonly classifier: nn.Linear;

  constructor(config: BertConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.bert = new BertModel(config, { ...factory, addPoolingLayer: false });
    this.dropout = new Dropout(config.classifier_dropout ?? config.hidden_dropout_prob);
    this.classifier = new Linear(config.hidden_size, numLabels(config), factory);
    if (factory.device !== 'meta') initBertWeights(this.classifier, config);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.bert.forward(inputs, options);
  }

  protected override classify(output: EncoderOutput): Tensor {
    return this.classifier.forward(this.dropout.forward(output.lastHiddenState));
  }
}

/** Where in a text the answer to a question begins and ends: linear on every position. Logits [B, T, 2]. */
export class BertForQuestionAnswering extends Classifier<BertConfig> {
  readonly bert: BertModel;
  readonly qa_outputs: nn.Linear;

  constructor(config: BertConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.bert = new BertModel(config, { ...factory, addPoolingLayer: false });
    this.qa_outputs = new Linear(config.hidden_size, 2, factory);
    if (factory.device !== 'meta') initBertWeights(this.qa_outputs, config);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.bert.forward(inputs, options);
  }

  protected override classify(output: EncoderOutput): Tensor {
    return this.qa_outputs.forward(output.lastHiddenState);
  }
}

class BertPredictionTransform extends Module {
  readonly dense: nn.Linear;
  readonly LayerNorm: nn.LayerNorm;
  private readonly activation: (x: Tensor) => Tensor;

  constructor(config: BertShape, width: number, factory: nn.FactoryOptions) {
    super();
    this.dense = new Linear(config.hidden_size, width, factory);
    this.LayerNorm = new LayerNorm(width, { ...factory, eps: config.layer_norm_eps });
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
  /** Its weight [V, E] is the table of word embeddings, unless `tie_word_embeddings` is false. */
  readonly decoder: TiedLinear;

  constructor(config: BertShape, words: nn.Parameter, factory: nn.FactoryOptions) {
    super();
    const [vocabulary, width] = words.shape as [number, number];
    this.transform = new BertPredictionTransform(config, width, factory);
    this.bias = blank([vocabulary], factory);
    const weight = config.tie_word_embeddings ? words : blank([vocabulary, width], factory);
    this.decoder = new TiedLinear(weight, this.bias);
  }

  forward(x: Tensor): Tensor {
    return tidy(() => this.decoder.forward(this.transform.forward(x)));
  }
}

/** transformers' `cls` module, which exists for the names only. */
export class BertOnlyMlmHead extends Module {
  readonly predictions: BertLmPredictionHead;

  /** @param words table of word embeddings [V, E], which the decoder shares */
  constructor(config: BertShape, words: nn.Parameter, factory: nn.FactoryOptions) {
    super();
    this.predictions = new BertLmPredictionHead(config, words, factory);
    if (factory.device !== 'meta') initBertWeights(this, config, (parameter) => parameter !== words);
  }
}

/** The masked language model of pre-training, Devlin et al. 2019 §3.1 task 1. */
export class BertForMaskedLM extends MaskedLmModel<BertConfig> {
  readonly bert: BertModel;
  readonly cls: BertOnlyMlmHead;

  constructor(config: BertConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.bert = new BertModel(config, { ...factory, addPoolingLayer: false });
    this.cls = new BertOnlyMlmHead(config, this.bert.embeddings.word_embeddings.weight, factory);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.bert.forward(inputs, options);
  }

  protected override decode(hidden: Tensor): Tensor {
    return this.cls.predictions.forward(hidden);
  }
}
