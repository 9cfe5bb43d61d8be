#!/usr/bin/env bash
# Train, evaluate and predict with the flags of EasyNLP's own command line.
#   OUT=folder EPOCHS=n examples/text-classify/run-easynlp-flags.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
OUT=${OUT:-out/examples/easynlp-flags}
EPOCHS=${EPOCHS:-10}
DATA=packages/easynlp/samples/reviews
EASYNLP=(node packages/easynlp/bin/easynlp.js)
mkdir -p "$OUT"

# EasyNLP names the columns of its tables itself; the header of the sample is skipped.
"${EASYNLP[@]}" \
  --mode=train \
  --app_name=text_classify \
  --tables=$DATA/train.tsv,$DATA/dev.tsv \
  --input_schema=label:str:1,text:str:1,domain:str:1 \
  --skip_first_line \
  --first_sequence=text \
  --label_name=label \
  --label_enumerate_values=好评,差评 \
  --checkpoint_dir="$OUT/model" \
  --learning_rate=2e-3 \
  --epoch_num="$EPOCHS" \
  --random_seed=42 \
  --save_checkpoint_steps=15 \
  --sequence_length=128 \
  --micro_batch_size=32 \
  --user_defined_parameters='architecture=text-cnn'

"${EASYNLP[@]}" \
  --mode=evaluate \
  --app_name=text_classify \
  --tables=$DATA/dev.tsv \
  --input_schema=label:str:1,text:str:1,domain:str:1 \
  --skip_first_line \
  --first_sequence=text \
  --label_name=label \
  --checkpoint_dir="$OUT/model" \
  --micro_batch_size=32

"${EASYNLP[@]}" \
  --mode=predict \
  --app_name=text_classify \
  --tables=$DATA/dev.tsv \
  --outputs="$OUT/dev.pred.tsv" \
  --input_schema=label:str:1,text:str:1,domain:str:1 \
  --skip_first_line \
  --output_schema=predictions,probabilities,logits,output \
  --append_cols=label,text \
  --first_sequence=text \
  --checkpoint_path="$OUT/model" \
  --micro_batch_size=32

head -n 3 "$OUT/dev.pred.tsv"
