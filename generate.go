// Package kvgen is a compiler for quantisation types and a runtime that uses what it makes.
//
// # The tour
//
// One text in kernels/spec describes a type: its block layout, how a value is read from it and how
// it is made. The stages that make kernels of it, in order:
//
//	kernels/spec        the types as text
//	gen/spec            reads the texts into declarations; reports every mistake with its place
//	gen/interp          runs a type straight from its text: slow, and the second oracle of kernels
//	gen/live            adds types to a running program that are given as text
//	gen/codebook        computes tables of levels, and how far any table is from the optimum
//	gen/lower           turns a type into the IR of each kernel: loads, codes, levels, products
//	gen/ir              that IR: the program of one kernel over lanes, for vector registers
//	gen/target          what a back end is: specs in, files out, and which functions they hold
//	gen/target/portable plain Go, one loop per statement of the spec
//	gen/target/simd     what CPU targets share: which kernels there are, constants, stubs
//	gen/target/amd64    selects x86-64 instructions for the IR: a machine of simd
//	gen/target/arm64    selects instructions of 64-bit Arm for it: another machine of simd
//	gen/target/ctext    a struct per type and transform in languages of C's family
//	gen/target/cuda     its dialect of CUDA C++
//	gen/target/metal    its dialect of Metal's language
//	gen/target/gpus     the list of targets that are GPUs
//	gen/asm             machine instructions, register allocation and the text of Go assembly
//	gen/dispatch        the table of types and the lists of instruction sets
//	gen                 runs all of it; gen.Run is pure, Write and Diff compare with the disk
//
// What targets share:
//
//	gen/target/amd64/feature  the CPU features that each instruction needs
//	gen/target/simd/optest    runs each operation alone and compares it with its meaning
//	gen/target/internal/bits  where the bits of a code lie, as arithmetic in an index
//	templates                 the frames of GPU kernels, which name no type
//
// What was generated, and what judges it:
//
//	kernels             the table of types in front of their functions
//	kernels/cpu         portable Go and assembly, and the arithmetic that portable kernels share
//	kernels/args        the arguments of GPU kernels, which device text is made of too
//	kernels/cuda        the text of GPU kernels: a struct for every type and transform
//	kernels/metal       the same for GPUs of Apple
//	kernels/abi         what kernels and the code around them agree on: which there are, layouts
//	kernels/conform     checks of single kernels against oracles, on hostile inputs
//	kernels/ref         the oracles: plain loops, written by hand from published formats
//
// The runtime imports kernels and nothing of gen. Models:
//
//	runtime/hub         brings models from where they are published
//	runtime/gguf        reads and writes GGUF files
//	runtime/tokenizer   text to token ids and back
//	runtime/chat        a conversation to a prompt, and an answer to a message
//	runtime/chat/jinja  renders the Jinja templates of GGUF files
//	runtime/model       architectures as graphs, bound to the tensors of a file; contexts that run
//	runtime/program     a bound model as data, and what an engine of it does
//	runtime/kv          the cache: packed rows, cells, sequences, exact ends, saved states
//	runtime/attention   softmax(q k^T) v over packed rows, on the processor
//	runtime/cpu         threads, activations as int8, elementwise operations
//	runtime/gpu         the same on any GPU: what a driver must do, kernels put together from text
//	runtime/cuda        the driver of NVIDIA GPUs
//	runtime/metal       the driver of Apple's
//	runtime/drivers     the list of drivers, generated from that of the targets
//	runtime/grammar     which tokens may come next, where a text is held to a grammar
//	runtime/sample      the next token from logits
//	runtime/generate    texts and conversations that grow: when they end, what is cached of them
//	runtime/serve       texts of many people over one context: continuous batching
//	runtime/serve/anthropic  Anthropic's API of a served model
//	runtime/serve/host  a model that is served, in the words of no API
//	runtime/serve/llamacpp  what llama-server has besides: tokens, state, metrics
//	runtime/serve/ollama  what clients of ollama ask
//	runtime/serve/openai    OpenAI's API of it
//	runtime/serve/page      a conversation and the server's numbers, for browsers
//	runtime/serve/server    the APIs behind one listener: keys, limits, the end
//	runtime/serve/wire  what they share of HTTP: bodies, fields, errors, streams
//	runtime/policy      what a person asks of the cache, by name or file, and plans in words
//	runtime/synth       models of a given shape with random weights
//	runtime/quantize    a model with its weights in other types
//	runtime/quantize/hf  Hugging Face's folder of a model as a source of that
//	runtime/demo        the embedded model and its texts
//
// Measuring:
//
//	runtime/eval        perplexity and KL divergence, counted as llama-perplexity counts
//	runtime/fleet       sweeps on many machines, by a queue: coordinator and workers
//	runtime/fleet/queue  a NATS server in this process, in builds that have it
//	runtime/lab         many caches against one reference, with intervals; tuning within a budget
//	runtime/offset      the constants that are taken out of the keys before RoPE
//	runtime/report      the result of a sweep as an HTML page
//	runtime/bench       tokens per second
//	runtime/selftest    what works on a machine that nobody here has, in one file
//
// What these stand on:
//
//	runtime/safetensors         tensors of the files that Hugging Face has
//	runtime/memory              asks the system for memory before Go does
//	runtime/grammar/regular     automata over bytes: of expressions, patterns and ranges of numbers
//	runtime/grammar/gbnf        llama.cpp's grammars
//	runtime/grammar/schema      JSON Schemas as grammars
//	runtime/grammar/calls       calls of functions in the markup of a model's family
//	runtime/state               strict JSON and checksums of the files that the program keeps
//	runtime/cuda/builtin        the GPU kernels that come with the program, as PTX
//	runtime/cuda/emulate        a GPU for tests: driver and compiler on the processor
//	runtime/metal/objc          Objective-C as far as Metal needs it: objects, messages
//	runtime/metal/fake          the same for tests, which checks what is sent to it
//	runtime/metal/emulate       Metal's language on the processor
//	runtime/internal/fibres     runs the kernels of both emulations, thread by thread
//	runtime/cpu/engine          a model's Program as tasks of the processor's threads
//	runtime/gpu/engine          the same as launches, and the memory that it takes
//	runtime/gpu/attend          attention over the rows of a cache
//	runtime/gpu/product         weights, and products with them
//	runtime/gpu/qkv             norms and RoPE of heads, and storing K and V
//	runtime/gpu/rows            rows of a cache in device memory
//	runtime/gpu/cells           which position each cell of a cache holds
//	runtime/gpu/rope            cosines and sines of RoPE
//	runtime/internal/browsertest  a browser without a window, for tests
//	runtime/internal/gputest    a device, rows and oracles, for tests
//	internal/suggest            the name that was meant by one that does not exist
//	runtime/serve/internal/served  models behind the server's listener, for tests
//	runtime/internal/typetest    types with naive loops, for tests
//
// Commands, and packages that only they use:
//
//	cmd/kvgen                   compiles types
//	cmd/kvrun                   runs models and measures caches
//	cmd/kernelvet               checks assembly for what go vet does not
//	cmd/mutate                  plants faults and counts those that the tests notice
//	cmd/internal/completion     scripts of bash, zsh and fish
//	cmd/internal/console        a conversation in a terminal or a pipe, a turn at a time
//	cmd/internal/engine         a planned cache in the words of other programs
//	cmd/internal/interrupt      the first signal ends a command after its step, the second at once
//	cmd/internal/line           command lines, those of other programs too, in terms of a flag set
//	cmd/internal/limit          what the system allows, asked before it is needed
//	cmd/internal/llamabench     speeds in llama-bench's formats and field names
//	cmd/internal/manual         help and the man page
//	cmd/internal/output         files that are written whole or not at all
//	cmd/internal/peers          flags and commands of other programs
//	cmd/internal/plain          text of files, made safe to print
//	cmd/internal/progress       how far a command has come, and what the whole will take
//	cmd/internal/table          tables and texts side by side, in cells of a terminal
//	cmd/internal/version        what the program was built from
//
// To add a type, write one .hcl file and run go generate ./... in this folder. The line that it
// looks for is in kernels/spec: packages are visited in the order of their names, and what was
// generated for a type that is gone must not be looked at later.
//
// # Glossary of types
//
//	type         a quantisation type: how numbers are packed
//	block        the smallest unit of a type: so many values in so many bytes
//	unit         the blocks that one turn of a kernel's loop takes: one, or more small ones
//	row          consecutive blocks: a head of a cached position, or a row of a weight matrix
//	code         the integer stored for a value; a codebook gives it a level
//	scale        a number per block, or per run of values, that codes are multiplied by
//	run          values of a block, one after the other, that share a scale
//	transform    an orthonormal map of 16 to 512 values: signs, Walsh-Hadamard, signs
//	stage        one of the steps of a Walsh-Hadamard transform, by its stride; also a part of the
//	             compiler, as listed above
//	domain       the transform of a type whose rows are stored transformed
//	identity     the hash of everything that gives a type's bytes their meaning
//	oracle       plain loops that a kernel is compared with
//
// # Glossary of kernels
//
//	ISA          an instruction set that kernels exist for; generic is portable Go
//	chunk        codes that a kernel holds in one vector, 32; in attention, cells whose sums are
//	             taken by themselves; in a text, tokens that are measured from an empty cache
//	tile         rows and columns of a product whose sums fill the registers; a tile of a rotation
//	             is the values that are rotated together
//	panel        the rounded activations of 8 tokens, interleaved, that a kernel multiplies with a
//	             row of weights at once
//	record       32 values of a weight row or a panel, unpacked, with their scales and sums
//	score, mix   the two products of attention: queries with keys, weights with values
//	frame        the text of a GPU kernel that names no type
//	dialect      what the device text of one kind of GPU is written in: frames, structs of types
//	driver       how one kind of GPU is found, opened and told what to do
//	share        the part of a task that one thread, or one GPU block, takes
//
// # Glossary of the cache
//
//	head         one attention head; head_dim is its number of values
//	GQA group    the query heads that share one cached head
//	side         the keys or the values of a layer
//	cell         the place of a position in a layer's rows; its set says which sequences hold
//	             it. In a sweep, one cache to measure, such as lm4_64-mean/lm4_64@4+32
//	page         64 cells, the unit in which a GPU is told where the rows of a sequence lie
//	segment      rows of one layer of one type; a position is in exactly one of a layer's segments
//	rotation     a transform that the cache applies before a type encodes
//	exact ends   the first and the last rows of a cache, kept in f16 where a policy says so
//	eviction     an exact row is packed, since newer ones take its place
//	key offset   a constant taken out of the keys before RoPE, whose score is added back exactly
//	step         one block of a layer as an engine runs it: attention, a feed-forward network
//	policy, plan what a cache should store; what it will store, and why that differs
package kvgen
