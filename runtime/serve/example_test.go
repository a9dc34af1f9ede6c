package serve_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/demo"
	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/kv"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/serve"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// Two texts share a context; each is streamed as it comes.
func Example() {
	m, err := model.Parse(demo.Model(), kernels.Default())
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	f16 := kv.Choice{Type: m.Table.ByName("f16")}
	plan, err := kv.NewPlan(m.KVLayers(), kv.Policy{K: f16, V: f16})
	if err != nil {
		log.Fatal(err)
	}
	c, err := m.NewContext(model.Options{Plan: plan, Size: 128, Sequences: 2, Cells: 256})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	words, err := tokenizer.New(m.File)
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := serve.New(c, words, serve.Options{Queue: 8})
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	for _, prompt := range []string{"KING RICHARD III:\n", "KING HENRY VI:\n"} {
		x, err := s.Submit(ctx, serve.Request{Tokens: words.Encode(prompt, true, false), Options: generate.Options{Limit: 10}})
		if err != nil {
			log.Fatal(err)
		}
		for piece := range x.Pieces() {
			fmt.Print(strings.ReplaceAll(piece, "\n", "/"))
		}
		r, _ := x.Wait()
		fmt.Printf(" [%d tokens, %s]\n", len(r.Tokens), r.Stop)
	}
	cancel()
	<-done
	// Output:
	// I'll tell thee, and be gone./ [10 tokens, limit]
	// /KING HENRY VI://KING HENRY VI [10 tokens, limit]
}
