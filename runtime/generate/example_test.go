package generate_test

import (
	"context"
	"fmt"
	"log"

	"github.com/kvgen/kvgen/kernels"
	"github.com/kvgen/kvgen/runtime/chat"
	"github.com/kvgen/kvgen/runtime/demo"
	"github.com/kvgen/kvgen/runtime/generate"
	"github.com/kvgen/kvgen/runtime/model"
	"github.com/kvgen/kvgen/runtime/policy"
	"github.com/kvgen/kvgen/runtime/tokenizer"
)

// Open a model, choose how its cache is stored, and stream what it says. The embedded model stands
// for a file: model.Open(path, kernels.Default()) opens one.
func Example() {
	m, err := model.Parse(demo.Model(), kernels.Default())
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	plan, err := policy.NewReader(m, "").Plan("q8_0/q4_0") // keys/values
	if err != nil {
		log.Fatal(err)
	}
	c, err := m.NewContext(model.Options{Plan: plan, Size: 512})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	t, err := tokenizer.New(m.File)
	if err != nil {
		log.Fatal(err)
	}
	s := generate.New(c, t, generate.Options{Limit: 10})
	for text, err := range s.Stream(context.Background(), t.Encode("KING RICHARD III:\n", true, false)) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(text)
	}
	// Output: I'll tell thee, my lord.
}

// A conversation keeps its turns, and what is cached of them is not run again.
func ExampleConversation() {
	m, err := model.Parse(demo.Model(), kernels.Default())
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	plan, err := policy.NewReader(m, "").Plan("q8_0")
	if err != nil {
		log.Fatal(err)
	}
	c, err := m.NewContext(model.Options{Plan: plan, Size: 512, Sequences: generate.Sequences(m)})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	t, err := tokenizer.New(m.File)
	if err != nil {
		log.Fatal(err)
	}
	template, err := chat.New(m.File, t)
	if err != nil {
		log.Fatal(err)
	}
	v := &generate.Conversation{Sequence: generate.New(c, t, generate.Options{Limit: 12}), Template: template}
	for _, turn := range []string{"Who is king now?", "And why?"} {
		a, err := v.Say(context.Background(), turn, func(string, []chat.Part) error { return nil })
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(a.Role, len(a.Tokens), a.Run < a.Prompt, a.Stop)
	}
	// Output:
	// assistant 12 false limit
	// assistant 12 true limit
}
