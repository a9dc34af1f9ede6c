package main

// cachePage is kvrun help cache: one screen, 80 columns.
const cachePage = `I have a model and little memory. What do I type?

  -ctk q8_0 -ctv q8_0      half of f16; little is lost on most models
  -ctk q8_0 -ctv lm4_64    40 %: keys are the delicate side
  -ctk lm4_64 -ctv lm4_64 --k-offset mean --keep-first 4 --keep-last 32
                           28 %; once before: kvrun calibrate MODEL
  --cache auto             what kvrun tune found for the model, else 8 bits for
                           keys, 5 for values and exact ends

What does it take?

  kvrun types MODEL        MiB of every type at 4096 positions and at all
  kvrun info MODEL -c 0    the whole context, with the types of its flags

A head must be whole blocks: lm4_64 is for heads of 64, 128 and so on. The turbo types pad heads instead.

Is it good enough?

  kvrun kld MODEL -f TEXT --chunks 16 -ctk TYPE -ctv TYPE
                           how far predictions move: a mean below 0.01 nats is
                           little, one above 0.1 is much
  kvrun sweep MODEL -f TEXT --chunks 16 --report page.html
                           many caches side by side, and which to take
  kvrun tune MODEL --budget 4.5bpv
                           the best type per layer and side within a budget

What makes a small cache better?

  --k-offset bias|mean     a constant is taken out of the keys and its score
                           added back: models with biased keys need it (Qwen2)
  --keep-first, --keep-last
                           the first and last rows stay f16: try 4 and 32
  --rot-k on, --rot-v on   rotations spread outliers; they help q4_0 on many
                           models, and turbo types have one of their own
  --policy FILE            all of that per layer and side

kvrun sweep --emit llama.cpp (or fork, ik, ollama) spells a cache for other programs. Figures: docs/study.md; how they are measured: docs/measuring.md.
`
