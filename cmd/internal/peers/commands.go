package peers

// commands maps a command of another program to what it is here.
var commands = map[string]string{
	"cli": runOrChat, "llama-cli": runOrChat, "main": runOrChat, "llama": runOrChat, "simple": continues, "llama-simple": continues, "llama-simple-chat": "kvrun chat MODEL", "llama-run": runOrChat,
	"llama-completion": continues, "generate": continues, "complete": continues,
	"mlx_lm.generate": continues, "mlx_lm.chat": "kvrun chat MODEL", "mlx_lm.server": serves, "mlx_lm": runOrChat,
	"mlx_lm.perplexity": "kvrun ppl MODEL -f FILE", "mlx_lm.benchmark": "kvrun bench MODEL",
	"server": serves, "serve": serves, "llama-server": serves, "start": serves, "api": serves, "stop": serves, "ps": serves,
	"pull": pulls, "download": pulls, "get": pulls, "fetch": pulls, "push": keeps, "cp": keeps, "rm": keeps, "search": keeps,
	"list": "models are files, those of kvrun pull in KVRUN_MODELS or hub in kvrun's cache: kvrun info FILE describes one",
	"ls":   "models are files, those of kvrun pull in KVRUN_MODELS or hub in kvrun's cache: kvrun info FILE describes one",
	"show": "kvrun info MODEL", "inspect": "kvrun info MODEL", "gguf-dump": "kvrun info MODEL",
	"perplexity": pplOrKLD, "llama-perplexity": pplOrKLD, "eval": pplOrKLD, "evaluate": pplOrKLD,
	"llama-bench": "kvrun bench MODEL", "benchmark": "kvrun bench MODEL", "sweep-bench": "kvrun bench MODEL -d 0,512,1024",
	"llama-sweep-bench": "kvrun bench MODEL -d 0,512,1024", "batched-bench": "kvrun bench MODEL -npl 1,2,4", "llama-batched-bench": "kvrun bench MODEL -npl 1,2,4",
	"kl": "kvrun kld MODEL -f FILE", "kl-divergence": "kvrun kld MODEL -f FILE",
	"create": quantizes, "llama-quantize": quantizes, "convert": quantizes,
	"llama-tokenize": tokenizes,
	"embed":          "no embeddings are given out", "embedding": "no embeddings are given out", "llama-embedding": "no embeddings are given out",
	"ollama": runOrChat, "ik": runOrChat, "models": "kvrun info MODEL, or docs/architectures.md for the families", "devices": "kvrun info --device cuda",
	"gguf-split":       "a model in several files is given by its first: kvrun info MODEL-00001-of-00003.gguf",
	"llama-gguf-split": "a model in several files is given by its first: kvrun info MODEL-00001-of-00003.gguf",
}

const (
	continues = "kvrun run MODEL -p TEXT continues a text"
	tokenizes = "kvrun tokenize MODEL -p TEXT"
	runOrChat = "kvrun run MODEL -p TEXT continues a text, kvrun chat MODEL talks to it"
	serves    = "kvrun serve MODEL answers clients over HTTP until Ctrl-C"
	pulls     = "kvrun pull NAME brings a model of Hugging Face (owner/name:quant) or of ollama's library (llama3.2:1b)"
	keeps     = "kvrun pull NAME brings a model into a folder of files, KVRUN_MODELS or hub in kvrun's cache: they are searched, copied and removed as files"
	pplOrKLD  = "kvrun ppl MODEL -f FILE measures perplexity, kvrun kld MODEL -f FILE what a cache changes"
	quantizes = "kvrun quantize IN.gguf OUT.gguf --type TYPE writes a model with its weights in other types"
)

// Command says in words what a command of another program is here.
func Command(name string) (string, bool) {
	says := commands[name]
	return says, says != ""
}
