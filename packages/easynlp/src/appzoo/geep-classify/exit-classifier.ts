import { nn, type Tensor, tidy } from '@easynlp/torch';

const { Dropout, Linear, Module } = nn;

const WIDTH = 128;
const HEADS = 2;
const DROPOUT = 0.5;

/**
 * The classifier after a layer: tanh linear to 128 → self-attention with two heads → first token → tanh linear → labels.
 *
 * Unlike EasyNLP's it does not look at padding. Only the first token's attention is computed, since nothing else is used.
 */
export class ExitClassifier extends Module {
  readonly dense: nn.Linear;
  readonly query: nn.Linear;
  readonly key: nn.Linear;
  readonly value: nn.Linear;
  readonly pooler: nn.Linear;
  readonly dropout: nn.Dropout;
  readonly classifier: nn.Linear;

  constructor(hidden: number, labels: number) {
    super();
    this.dense = new Linear(hidden, WIDTH);
    this.query = new Linear(WIDTH, WIDTH);
    this.key = new Linear(WIDTH, WIDTH);
    this.value = new Linear(WIDTH, WIDTH);
    this.pooler = new Linear(WIDTH, WIDTH);
    this.dropout = new Dropout(DROPOUT);
    this.classifier = new Linear(WIDTH, labels);
  }

  /** @param hidden [B, T, H], @param bias added to the attention's scores, [B, 1, 1, T]; null without padding */
  forward(hidden: Tensor, bias: Tensor | null): Tensor {
    return tidy(() => {
      const x = this.dense.forward(hidden).tanh(); // [B, T, 128]
      const [batch, length] = x.shape as [number, number];
      const heads = (y: Tensor, n: number) => y.view([batch, n, HEADS, WIDTH / HEADS]).transpose(1, 2);
      const q = heads(this.query.forward(x.narrow(1, 0, 1)), 1);
      const k = heads(this.key.forward(x), length);
      const v = heads(this.value.forward(x), length);
      const mask = bias === null || bias.dtype === q.dtype ? bias : bias.to({ dtype: q.dtype });
      const seen = nn.functional.scaledDotProductAttention(q, k, v, {
        mask,
        dropoutP: this.training ? DROPOUT : 0,
        scale: 1 / Math.sqrt(WIDTH / HEADS),
      }); // [B, heads, 1, 64]
      const first = seen.transpose(1, 2).reshape([batch, WIDTH]);
      return this.classifier.forward(this.dropout.forward(this.pooler.forward(first).tanh()));
    });
  }
}
