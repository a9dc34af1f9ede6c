package model

import "github.com/kvgen/kvgen/runtime/program"

// Sum is branches that read the same input and are added: Post(Body(Pre(x))) of each.
type Sum []Block

func (s Sum) bind(b *binder) any {
	x := &program.SumStep{}
	for _, k := range s {
		x.Steps = append(x.Steps, b.step(k))
	}
	return x
}
