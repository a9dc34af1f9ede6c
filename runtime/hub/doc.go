// Package hub brings GGUF models from where people publish them to the disk: repositories of
// Hugging Face's hub, names of ollama's registry, and plain addresses of files.
//
//	c, err := hub.New(os.Getenv)
//	name, err := hub.Parse("ggml-org/gemma-3-1b-it-GGUF:Q4_K_M")
//	plan, err := c.Resolve(ctx, name)   // which files, how many bytes, what is there already
//	path, err := c.Fetch(ctx, plan)     // of the first file; a split model lies beside it
//
// A download goes to FILE.part, with what it is to become in FILE.part.json, so that it can be
// ended in any way, also by kill -9, and go on later. Only a file of the right size and SHA-256
// gets its name; FILE.json beside it says what it is. Caches of other tools (Hugging Face's,
// ollama's) are read and never written.
//
// Servers are not trusted. Every answer is bounded. Names of files are checked before they reach
// the disk. Tokens go to the host that they are for and to no other. What a server sends can never
// make a file longer than was announced.
//
// The layout of the hub's cache: https://huggingface.co/docs/huggingface_hub/guides/manage-cache.
// Its interface: https://huggingface.co/docs/hub/api. The registry of ollama follows the OCI
// distribution specification.
package hub
