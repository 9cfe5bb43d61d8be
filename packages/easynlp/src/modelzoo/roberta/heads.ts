import { nn, type Tensor, tidy } from '@easynlp/torch';
import { initBertWeights } from '../bert/model.js';
import { TiedLinear } from '../bert/tied-linear.js';
import type { EncoderInputs, EncoderOptions, EncoderOutput } from '../interfaces.js';
import { numLabels } from '../model-config.js';
import { blank, Classifier, FirstTokenHead, MaskedLmModel } from '../shared/classifier.js';
import type { RobertaConfig } from './config.js';
import { RobertaModel } from './model.js';

const { Dropout, LayerNorm, Linear, Module } = nn;

/** One label per text, from the first token through two layers. Logits [B, C]. */
export class RobertaForSequenceClassification extends Classifier<RobertaConfig> {
  readonly roberta: RobertaModel;
  readonly classifier: FirstTokenHead;

  constructor(config: RobertaConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.roberta = new RobertaModel(config, { ...factory, addPoolingLayer: false });
    const dropout = config.classifier_dropout ?? config.hidden_dropout_prob;
    const sizes = { hidden: config.hidden_size, labels: numLabels(config), dropout };
    this.classifier = new FirstTokenHead(sizes, 'tanh', factory);
    if (factory.device !== 'meta') initBertWeights(this.classifier, config);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.roberta.forward(inputs, options);
  }

  protected override classify(output: EncoderOutput): Tensor {
    return this.classifier.forward(output.lastHiddenState);
  }
}

/** One label per token. Logits [B, T, C]. */
export class RobertaForTokenClassification extends Classifier<RobertaConfig> {
  readonly roberta: RobertaModel;
  readonly dropout: nn.Dropout;
  readonly classifier: nn.Linear;

  constructor(config: RobertaConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.roberta = new RobertaModel(config, { ...factory, addPoolingLayer: false });
    this.dropout = new Dropout(config.classifier_dropout ?? config.hidden_dropout_prob);
    this.classifier = new Linear(config.hidden_size, numLabels(config), factory);
    if (factory.device !== 'meta') initBertWeights(this.classifier, config);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.roberta.forward(inputs, options);
  }

  protected override classify(output: EncoderOutput): Tensor {
    return this.classifier.forward(this.dropout.forward(output.lastHiddenState));
  }
}

/** Where the answer to a question begins and ends. Logits [B, T, 2]. */
export class RobertaForQuestionAnswering extends Classifier<RobertaConfig> {
  readonly roberta: RobertaModel;
  readonly qa_outputs: nn.Linear;

  constructor(config: RobertaConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.roberta = new RobertaModel(config, { ...factory, addPoolingLayer: false });
    this.qa_outputs = new Linear(config.hidden_size, 2, factory);
    if (factory.device !== 'meta') initBertWeights(this.qa_outputs, config);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.roberta.forward(inputs, options);
  }

  protected override classify(output: EncoderOutput): Tensor {
    return this.qa_outputs.forward(output.lastHiddenState);
  }
}

class RobertaLmHead extends Module {
  readonly dense: nn.Linear;
  readonly layer_norm: nn.LayerNorm;
  /** [V]; also the decoder's. */
  readonly bias: nn.Parameter;
  readonly decoder: TiedLinear;

  constructor(config: RobertaConfig, words: nn.Parameter, factory: nn.FactoryOptions) {
    super();
    const { hidden_size: hidden, vocab_size: vocabulary } = config;
    this.dense = new Linear(hidden, hidden, factory);
    this.layer_norm = new LayerNorm(hidden, { ...factory, eps: config.layer_norm_eps });
    this.bias = blank([vocabulary], factory);
    const weight = config.tie_word_embeddings ? words : blank([vocabulary, hidden], factory);
    this.decoder = new TiedLinear(weight, this.bias);
    if (factory.device !== 'meta') initBertWeights(this, config, (parameter) => parameter !== words);
  }

  forward(x: Tensor): Tensor {
    // GELU whatever `hidden_act` says, as the published weights were trained.
    return tidy(() =>
      this.decoder.forward(this.layer_norm.forward(nn.functional.gelu(this.dense.forward(x)))),
    );
  }
}

/** The masked language model of pre-training. Logits [B, T, V]; [N, V] with `positions`. */
export class RobertaForMaskedLM extends MaskedLmModel<RobertaConfig> {
  readonly roberta: RobertaModel;
  readonly lm_head: RobertaLmHead;

  constructor(config: RobertaConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.roberta = new RobertaModel(config, { ...factory, addPoolingLayer: false });
    this.lm_head = new RobertaLmHead(config, this.roberta.embeddings.word_embeddings.weight, factory);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.roberta.forward(inputs, options);
  }

  protected override decode(hidden: Tensor): Tensor {
    return this.lm_head.forward(hidden);
  }
}
