package engine_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/kvgen/kvgen/cmd/internal/engine"
	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/demo"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/policy"
)

// The same cache in the words of another program.
func ExampleEngine_Spell() {
	m, err := model.Parse(demo.Model(), kernels.Default())
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	plan, err := policy.NewReader(m, "").Plan("q8_0/turbo4")
	if err != nil {
		log.Fatal(err)
	}
	request := engine.NewRequest("q8_0/turbo4", plan.Record(512), "model.gguf", 2)
	for i := range engine.All {
		e := &engine.All[i]
		lines, note := e.Spell(request)
		fmt.Println(e.Title+":", strings.Join(lines, "\n")+note)
	}
	// Output:
	// llama.cpp: llama.cpp has no cache type turbo4.
	// llama-cpp-turboquant: llama-server -m model.gguf -fa on -ctk q8_0 -ctv turbo4
	// ik_llama.cpp: ik_llama.cpp has no cache type turbo4.
	// ollama: ollama has no cache type turbo4.
	// kvrun: kvrun chat model.gguf -ctk q8_0 -ctv turbo4
}
