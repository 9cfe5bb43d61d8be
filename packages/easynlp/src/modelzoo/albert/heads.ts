import { nn, type Tensor, tidy } from '@easynlp/torch';

import { initBertWeights } from '../bert/model.js';
import { TiedLinear } from '../bert/tied-linear.js';
import type { EncoderInputs, EncoderOptions, EncoderOutput } from '../interfaces.js';
import { numLabels } from '../model-config.js';
import { blank, Classifier, MaskedLmModel } from '../shared/classifier.js';
import type { AlbertConfig } from './config.js';
import { AlbertModel } from './model.js';

const { Dropout, LayerNorm, Linear, Module } = nn;

/** One label per text: pooler → dropout → linear. Logits [B, C]. */
export class AlbertForSequenceClassification extends Classifier<AlbertConfig> {
  readonly albert: AlbertModel;
  readonly dropout: nn.Dropout;
  readonly classifier: nn.Linear;

  constructor(config: AlbertConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.albert = new AlbertModel(config, factory);
    this.dropout = new Dropout(config.classifier_dropout_prob);
    this.classifier = new Linear(config.hidden_size, numLabels(config), factory);
    if (factory.device !== 'meta') initBertWeights(this.classifier, config);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.albert.forward(inputs, options);
  }

  protected override classify(output: EncoderOutput): Tensor {
    return this.classifier.forward(this.dropout.forward(output.poolerOutput!));
  }
}

/** One label per token. Logits [B, T, C]. */
export class AlbertForTokenClassification extends Classifier<AlbertConfig> {
  readonly albert: AlbertModel;
  readonly dropout: nn.Dropout;
  readonly classifier: nn.Linear;

  constructor(config: AlbertConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.albert = new AlbertModel(config, { ...factory, addPoolingLayer: false });
    this.dropout = new Dropout(config.classifier_dropout_prob);
    this.classifier = new Linear(config.hidden_size, numLabels(config), factory);
    if (factory.device !== 'meta') initBertWeights(this.classifier, config);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.albert.forward(inputs, options);
  }

  protected override classify(output: EncoderOutput): Tensor {
    return this.classifier.forward(this.dropout.forward(output.lastHiddenState));
  }
}

/** Where the answer to a question begins and ends. Logits [B, T, 2]. */
export class AlbertForQuestionAnswering extends Classifier<AlbertConfig> {
  readonly albert: AlbertModel;
  readonly qa_outputs: nn.Linear;

  constructor(config: AlbertConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.albert = new AlbertModel(config, { ...factory, addPoolingLayer: false });
    this.qa_outputs = new Linear(config.hidden_size, 2, factory);
    if (factory.device !== 'meta') initBertWeights(this.qa_outputs, config);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.albert.forward(inputs, options);
  }

  protected override classify(output: EncoderOutput): Tensor {
    return this.qa_outputs.forward(output.lastHiddenState);
  }
}

class AlbertMlmHead extends Module {
  readonly LayerNorm: nn.LayerNorm;
  /** [V]; also the decoder's. */
  readonly bias: nn.Parameter;
  readonly dense: nn.Linear;
  readonly decoder: TiedLinear;
  private readonly activation: (x: Tensor) => Tensor;

  constructor(config: AlbertConfig, words: nn.Parameter, factory: nn.FactoryOptions) {
    super();
    const [vocabulary, width] = words.shape as [number, number];
    this.LayerNorm = new LayerNorm(width, { ...factory, eps: config.layer_norm_eps });
    this.bias = blank([vocabulary], factory);
    this.dense = new Linear(config.hidden_size, width, factory);
    const weight = config.tie_word_embeddings ? words : blank([vocabulary, width], factory);
    this.decoder = new TiedLinear(weight, this.bias);
    this.activation = nn.functional.activation(config.hidden_act);
    if (factory.device !== 'meta') initBertWeights(this, config, (parameter) => parameter !== words);
  }

  forward(x: Tensor): Tensor {
    return tidy(() => this.decoder.forward(this.LayerNorm.forward(this.activation(this.dense.forward(x)))));
  }
}

/** The masked language model of pre-training. Logits [B, T, V]; [N, V] with `positions`. */
export class AlbertForMaskedLM extends MaskedLmModel<AlbertConfig> {
  readonly albert: AlbertModel;
  readonly predictions: AlbertMlmHead;

  constructor(config: AlbertConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.albert = new AlbertModel(config, { ...factory, addPoolingLayer: false });
    this.predictions = new AlbertMlmHead(config, this.albert.embeddings.word_embeddings.weight, factory);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.albert.forward(inputs, options);
  }

  protected override decode(hidden: Tensor): Tensor {
    return this.predictions.forward(hidden);
  }
}
