import { nn, type Tensor, tidy } from '@easynlp/torch';
import { BertSelfAttention } from '../bert/attention.js';
import {
  BertEmbeddings,
  BertIntermediate,
  type BertModelOptions,
  BertPooler,
  initBertWeights,
} from '../bert/model.js';
import type { EncoderInputs, EncoderOptions } from '../interfaces.js';
import type { Visible } from '../shared/attention.js';
import { type EncodedLayers, EncoderModel, runLayers } from '../shared/encoder-model.js';
import type { MegatronBertConfig } from './config.js';

/*
 * Megatron-BERT, Shoeybi et al. 2019 (arXiv 1909.08053) figure 7b: LayerNorm stands before attention and feed-forward,
 * and once more behind the last layer, so that residuals run through the whole network unchanged.
 */

const { Dropout, LayerNorm, Linear, Module } = nn;

const norm = (config: MegatronBertConfig, factory: nn.FactoryOptions): nn.LayerNorm =>
  new LayerNorm(config.hidden_size, { ...factory, eps: config.layer_norm_eps });

/** Linear, dropout, residual. */
class MegatronBertOutput extends Module {
  readonly dense: nn.Linear;
  readonly dropout: nn.Dropout;

  constructor(inputSize: number, config: MegatronBertConfig, factory: nn.FactoryOptions) {
    super();
    this.dense = new Linear(inputSize, config.hidden_size, factory);
    this.dropout = new Dropout(config.hidden_dropout_prob);
  }

  forward(x: Tensor, residual: Tensor): Tensor {
    return tidy(() => this.dropout.forward(this.dense.forward(x)).add(residual));
  }
}

class MegatronBertAttention extends Module {
  readonly ln: nn.LayerNorm;
  readonly self: BertSelfAttention;
  readonly output: MegatronBertOutput;

  constructor(config: MegatronBertConfig, factory: nn.FactoryOptions) {
    super();
    this.ln = norm(config, factory);
    this.self = new BertSelfAttention(config, factory);
    this.output = new MegatronBertOutput(config.hidden_size, config, factory);
  }

  forward(x: Tensor, visible: Visible, keepWeights: boolean): { hidden: Tensor; weights: Tensor | null } {
    return tidy(() => {
      const { context, weights } = this.self.forward(this.ln.forward(x), visible, keepWeights);
      return { hidden: this.output.forward(context, x), weights };
    });
  }
}

class MegatronBertLayer extends Module {
  readonly attention: MegatronBertAttention;
  readonly ln: nn.LayerNorm;
  readonly intermediate: BertIntermediate;
  readonly output: MegatronBertOutput;

  constructor(config: MegatronBertConfig, factory: nn.FactoryOptions) {
    super();
    this.attention = new MegatronBertAttention(config, factory);
    this.ln = norm(config, factory);
    this.intermediate = new BertIntermediate(config, factory);
    this.output = new MegatronBertOutput(config.intermediate_size, config, factory);
  }

  forward(x: Tensor, visible: Visible, keepWeights: boolean): { hidden: Tensor; weights: Tensor | null } {
    return tidy(() => {
      const { hidden, weights } = this.attention.forward(x, visible, keepWeights);
      return {
        hidden: this.output.forward(this.intermediate.forward(this.ln.forward(hidden)), hidden),
        weights,
      };
    });
  }
}

class MegatronBertEncoder extends Module {
  readonly layer: MegatronBertLayer[];
  readonly ln: nn.LayerNorm;

  constructor(config: MegatronBertConfig, factory: nn.FactoryOptions) {
    super();
    this.layer = Array.from(
      { length: config.num_hidden_layers },
      () => new MegatronBertLayer(config, factory),
    );
    this.ln = norm(config, factory);
  }

  /** Hidden states are the layers' own, not normalised ones, but for the last. */
  forward(embedded: Tensor, visible: Visible, options: EncoderOptions): EncodedLayers {
    const encoded = runLayers(this.layer, embedded, visible, options);
    const lastHiddenState = this.ln.forward(encoded.lastHiddenState);
    if (!encoded.hiddenStates) return { ...encoded, lastHiddenState };
    return {
      ...encoded,
      lastHiddenState,
      hiddenStates: [...encoded.hiddenStates.slice(0, -1), lastHiddenState],
    };
  }
}

/** The Megatron-BERT encoder; Erlangshen-MegatronBert-1.3B is one. */
export class MegatronBertModel extends EncoderModel<MegatronBertConfig> {
  readonly embeddings: BertEmbeddings;
  readonly encoder: MegatronBertEncoder;
  readonly pooler: BertPooler | null;

  constructor(config: MegatronBertConfig, options: BertModelOptions = {}) {
    super(config);
    const { addPoolingLayer = true, ...factory } = options;
    this.embeddings = new BertEmbeddings(config, factory, { norm: false });
    this.encoder = new MegatronBertEncoder(config, factory);
    this.pooler = addPoolingLayer ? new BertPooler(config, factory) : null;
    if (factory.device !== 'meta') initBertWeights(this, config);
  }

  protected override embed(inputs: EncoderInputs): Tensor {
    return this.embeddings.forward(inputs);
  }

  protected override run(embedded: Tensor, visible: Visible, options: EncoderOptions): EncodedLayers {
    return this.encoder.forward(embedded, visible, options);
  }

  protected override pool(hidden: Tensor): Tensor | null {
    return this.pooler?.forward(hidden) ?? null;
  }

  protected override get positions(): number {
    return this.config.max_position_embeddings;
  }
}
