import { nn, type Tensor, tidy } from '@easynlp/torch';
import { BertOnlyMlmHead } from '../bert/heads.js';
import { initBertWeights } from '../bert/model.js';
import { TiedLinear } from '../bert/tied-linear.js';
import type { EncoderInputs, EncoderOptions, EncoderOutput } from '../interfaces.js';
import { numLabels } from '../model-config.js';
import { blank, Classifier, MaskedLmModel } from '../shared/classifier.js';
import type { DebertaV2Config } from './config.js';
import { DebertaV2Model } from './model.js';

const { Dropout, LayerNorm, Linear, Module } = nn;

class ContextPooler extends Module {
  readonly dense: nn.Linear;
  readonly dropout: nn.Dropout;
  private readonly activation: (x: Tensor) => Tensor;

  constructor(config: DebertaV2Config, factory: nn.FactoryOptions) {
    super();
    const size = config.pooler_hidden_size ?? config.hidden_size;
    this.dense = new Linear(size, size, factory);
    this.dropout = new Dropout(config.pooler_dropout);
    this.activation = nn.functional.activation(config.pooler_hidden_act);
  }

  /** [B, T, H] → [B, H] */
  forward(hidden: Tensor): Tensor {
    return tidy(() => this.activation(this.dense.forward(this.dropout.forward(hidden.select(1, 0)))));
  }
}

/** One label per text: pooler → dropout → linear. Logits [B, C]. */
export class DebertaV2ForSequenceClassification extends Classifier<DebertaV2Config> {
  readonly deberta: DebertaV2Model;
  readonly pooler: ContextPooler;
  readonly classifier: nn.Linear;
  readonly dropout: nn.Dropout;

  constructor(config: DebertaV2Config, factory: nn.FactoryOptions = {}) {
    super(config);
    this.deberta = new DebertaV2Model(config, factory);
    this.pooler = new ContextPooler(config, factory);
    this.classifier = new Linear(config.hidden_size, numLabels(config), factory);
    this.dropout = new Dropout(config.cls_dropout ?? config.hidden_dropout_prob);
    if (factory.device === 'meta') return;
    initBertWeights(this.pooler, config);
    initBertWeights(this.classifier, config);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.deberta.forward(inputs, options);
  }

  protected override classify({ lastHiddenState }: EncoderOutput): Tensor {
    return this.classifier.forward(this.dropout.forward(this.pooler.forward(lastHiddenState)));
  }
}

/** One label per token. Logits [B, T, C]. */
export class DebertaV2ForTokenClassification extends Classifier<DebertaV2Config> {
  readonly deberta: DebertaV2Model;
  readonly dropout: nn.Dropout;
  readonly classifier: nn.Linear;

  constructor(config: DebertaV2Config, factory: nn.FactoryOptions = {}) {
    super(config);
    this.deberta = new DebertaV2Model(config, factory);
    this.dropout = new Dropout(config.hidden_dropout_prob);
    this.classifier = new Linear(config.hidden_size, numLabels(config), factory);
    if (factory.device !== 'meta') initBertWeights(this.classifier, config);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.deberta.forward(inputs, options);
  }

  protected override classify(output: EncoderOutput): Tensor {
    return this.classifier.forward(this.dropout.forward(output.lastHiddenState));
  }
}

/** Where the answer to a question begins and ends. Logits [B, T, 2]. */
export class DebertaV2ForQuestionAnswering extends Classifier<DebertaV2Config> {
  readonly deberta: DebertaV2Model;
  readonly qa_outputs: nn.Linear;

  constructor(config: DebertaV2Config, factory: nn.FactoryOptions = {}) {
    super(config);
    this.deberta = new DebertaV2Model(config, factory);
    this.qa_outputs = new Linear(config.hidden_size, 2, factory);
    if (factory.device !== 'meta') initBertWeights(this.qa_outputs, config);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.deberta.forward(inputs, options);
  }

  protected override classify(output: EncoderOutput): Tensor {
    return this.qa_outputs.forward(output.lastHiddenState);
  }
}

/** The language-model head of the published weights, which transformers calls not `legacy`. */
class DebertaV2LmHead extends Module {
  readonly dense: nn.Linear;
  readonly LayerNorm: nn.LayerNorm;
  readonly #decoder: TiedLinear;
  /** [V] */
  readonly bias: nn.Parameter;
  private readonly activation: (x: Tensor) => Tensor;

  constructor(config: DebertaV2Config, words: nn.Parameter, factory: nn.FactoryOptions) {
    super();
    const { hidden_size: hidden } = config;
    this.dense = new Linear(hidden, hidden, factory);
    this.LayerNorm = new LayerNorm(hidden, { ...factory, eps: config.layer_norm_eps });
    this.bias = blank([config.vocab_size], factory);
    this.#decoder = new TiedLinear(words, this.bias);
    this.activation = nn.functional.activation(config.hidden_act);
    if (factory.device === 'meta') return;
    initBertWeights(this, config);
    nn.init.zeros_(this.bias);
  }

  forward(x: Tensor): Tensor {
    return tidy(() => this.#decoder.forward(this.LayerNorm.forward(this.activation(this.dense.forward(x)))));
  }
}

class DebertaV2Predictions extends Module {
  readonly lm_head: DebertaV2LmHead;

  constructor(config: DebertaV2Config, words: nn.Parameter, factory: nn.FactoryOptions) {
    super();
    this.lm_head = new DebertaV2LmHead(config, words, factory);
  }
}

/** The masked language model of pre-training. Logits [B, T, V]; [N, V] with `positions`. */
export class DebertaV2ForMaskedLM extends MaskedLmModel<DebertaV2Config> {
  readonly deberta: DebertaV2Model;
  readonly cls: BertOnlyMlmHead | null;
  readonly lm_predictions: DebertaV2Predictions | null;

  constructor(config: DebertaV2Config, factory: nn.FactoryOptions = {}) {
    super(config);
    this.deberta = new DebertaV2Model(config, factory);
    const words = this.deberta.embeddings.word_embeddings.weight;
    this.cls = config.legacy ? new BertOnlyMlmHead(config, words, factory) : null;
    this.lm_predictions = config.legacy ? null : new DebertaV2Predictions(config, words, factory);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.deberta.forward(inputs, options);
  }

  protected override decode(hidden: Tensor): Tensor {
    return this.cls?.predictions.forward(hidden) ?? this.lm_predictions!.lm_head.forward(hidden);
  }
}
